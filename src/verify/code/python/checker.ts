import { wirePython } from './wire.ts'

/** Runs assertions in a sandbox of its own, which the program never sees: the program's names are stand-ins that ask it over
 *  the wall, call by call. The first line is `{"setup": text, "tests": [text], "names": [name] or null}`; lines
 *  that begin with ? are requests to the player, whose reply comes back; the last line begins with ! and is `{"passed": n}`,
 *  `{"failed": i, "text": ...}` or `{"trouble": text}`. Names not listed are the tests' own; without a list, every unknown name is asked for. */
export const checkerPython = `${wirePython}
${String.raw`
import builtins

class Trouble(Exception):
    pass

receive, send = open_channel()

def ask(request, given=()):
    send(request, b'?')
    reply = receive()
    if reply is None:
        os._exit(0)
    if not isinstance(reply, dict):
        raise RuntimeError('the program wrote over its answers')
    if 'raised' in reply:
        raise raised(str(reply['raised']), str(reply.get('text', '')))
    if 'missing' in reply:
        raise NameError('missing')
    for before, after in zip(given, reply.get('args', ())):
        renew(before, decode(after, Remote))
    return decode(reply.get('value'), Remote)

def raised(name, text):
    kind = getattr(builtins, name, None)
    # StopIteration would end a test's loop as if all had been well; the others are not made of a text alone.
    odd = (StopIteration, StopAsyncIteration, UnicodeError, getattr(builtins, 'ExceptionGroup', UnicodeError))
    known = isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, odd)
    return type(name[:80], (kind if known else Exception,), {'remote': True})(text)

def renew(before, after):
    """What the program did to a list, dict or set that it was given."""
    if type(before) is not type(after) or before == after:
        return
    if isinstance(before, list):
        before[:] = after
    elif isinstance(before, (dict, set)):
        before.clear()
        before.update(after)

def wire(value):
    def handle(other, each):
        if isinstance(other, Remote):
            return {'object': object.__getattribute__(other, '_handle')}
        if hasattr(type(other), '__next__'):
            return {'iterator': each(other)}
        raise Trouble(f'a test gives the program a {type(other).__name__}, which cannot cross')
    try:
        return encode(value, handle)
    except CannotCross as error:
        raise Trouble(str(error))

class Remote:
    """A function, class or object of the program. It equals only itself: its __eq__ is the program's and never asked."""
    def __init__(self, handle):
        object.__setattr__(self, '_handle', handle)
    def _do(self, todo, *args, **keywords):
        request = {'object': object.__getattribute__(self, '_handle'), 'do': todo, 'args': [wire(a) for a in args]}
        if keywords:
            request['keywords'] = {k: wire(v) for k, v in keywords.items()}
        return ask(request, args)
    def __call__(self, *args, **keywords):
        return self._do('call', *args, **keywords)
    def __getattr__(self, name):
        return self._do('get', name)
    def __getitem__(self, key):
        return self._do('item', key)
    def __setitem__(self, key, value):
        self._do('set', key, value)
    def __iter__(self):
        return iter(self._do('iterate'))
    def __len__(self):
        return self._do('length')
    def __bool__(self):
        return self._do('truth') is True
    def __str__(self):
        return self._do('text')
    def __repr__(self):
        return self._do('show')

class Namespace(dict):
    names = ()
    def __missing__(self, name):
        listed = self.names is not None
        if (name not in self.names) if listed else hasattr(builtins, name) or name.startswith('__'):
            raise KeyError(name)
        if listed and name == 'candidate':
            name = self.names[0]
        try:
            self[name] = ask({'name': name})
        except Exception:
            raise raised('NameError', f'the program has no {name}')
        return self[name]

def check(suite):
    namespace = Namespace(__name__='tests')
    try:
        exec(compile(suite['setup'], 'setup', 'exec'), namespace)
        tests = [compile(test, 'test', 'exec') for test in suite['tests']]
    except BaseException as error:
        return {'trouble': f'the tests do not run: {type(error).__name__}: {str(error)[:200]}'}
    namespace.names = None if suite['names'] is None else [*suite['names'], 'candidate']
    for name in namespace.names or ():
        namespace.pop(name, None)
    for i, test in enumerate(tests):
        try:
            exec(test, namespace)
        except BaseException as error:
            if isinstance(error, Trouble) or isinstance(error, NameError) and not hasattr(error, 'remote'):
                return {'trouble': f'test {i + 1} does not run: {str(error)[:200]}'}
            return {'failed': i, 'text': f'{type(error).__name__}: {str(error)[:200]}'.removesuffix(': ')}
    return {'passed': len(tests)}

send(check(receive()), b'!')
`}`
