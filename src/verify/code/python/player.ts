import { wirePython } from './wire.ts'

/** Runs in the sandbox beside the program, which may do with it what it likes: all it can say is values. The first line is the
 *  program; then `{"call": name, "args": [...]}`, `{"run": expression}`, `{"name": name}` and `{"object": handle, "do": ...}`
 *  are answered by `{"value": ..., "args": [...]}`, the arguments as they are after the call, or
 *  `{"raised": type, "text": ...}`. */
export const playerPython = `${wirePython}
${String.raw`
import itertools, types

objects = []

def handle(value, each):
    if hasattr(type(value), '__next__'):
        return {'iterator': each(itertools.islice(value, LIMIT))}
    objects.append(value)
    return {'object': len(objects) - 1}

def operate(value, request):
    args = [decode(a, objects.__getitem__) for a in request.get('args', [])]
    keywords = {k: decode(v, objects.__getitem__) for k, v in request.get('keywords', {}).items()}
    todo = request['do']
    if todo == 'call':
        result = value(*args, **keywords)
        if isinstance(result, types.CoroutineType):
            import asyncio
            result = asyncio.run(result)
        return {'value': encode(result, handle), 'args': [encode(a, handle) for a in args]}
    if todo == 'get':
        result = getattr(value, *args)
    elif todo == 'item':
        result = value[args[0]]
    elif todo == 'set':
        value[args[0]] = args[1]
        result = None
    elif todo == 'iterate':
        result = list(itertools.islice(value, LIMIT))
    else:
        result = {'length': len, 'text': str, 'show': repr, 'truth': bool}[todo](value)
    return {'value': encode(result, handle)}

def answer(module, request):
    if 'program' in request:
        exec(compile(request['program'], 'solution.py', 'exec'), module.__dict__)
        return {'value': None}
    if 'run' in request:
        return {'value': encode(eval(compile(request['run'].strip(), 'test', 'eval'), module.__dict__), handle)}
    if 'object' in request:
        return operate(objects[request['object']], request)
    if request.get('name', request.get('call')) not in module.__dict__:
        return {'missing': True}
    if 'name' in request:
        return {'value': encode(module.__dict__[request['name']], handle)}
    return operate(module.__dict__[request['call']], {'do': 'call', **request})

def play():
    receive, send = open_channel()
    module = types.ModuleType('solution')
    sys.modules['solution'] = module
    while (request := receive()) is not None:
        try:
            reply = answer(module, request)
        except BaseException as error:
            try:
                text = str(error)[:300]
            except BaseException:
                text = ''
            reply = {'raised': type(error).__name__, 'text': text}
        send(reply)
    os._exit(0)

play()
`}`
