/** Python on both sides of the sandboxes' wall: values as JSON, one line each. null, true, text, numbers and lists are
 *  themselves; everything else is an object of one key: tuple, set, frozenset, dict (pairs), bytes (hex), int (hex, where JSON
 *  readers would round), float (nan, inf, -inf), complex, iterator (its values), object (a handle of the side that has it).
 *  Built-in values are made of what arrives, so that no method of the program is called where it is judged. */
export const wirePython = String.raw`
import json, os, sys

os.write(3, b'+')
os.close(3)
LIMIT = 200000

class CannotCross(Exception):
    pass

def encode(value, handle, depth=0, room=None):
    room = room if room is not None else [LIMIT]
    room[0] -= 1
    if depth > 90 or room[0] < 0:
        raise CannotCross('a value is too deep or too large')
    def each(values):
        return [encode(v, handle, depth + 1, room) for v in values]
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        plain = int.__index__(value)
        return plain if -2**53 < plain < 2**53 else {'int': hex(plain)}
    if isinstance(value, float):
        plain = float.__float__(value)
        return plain if plain - plain == 0 else {'float': float.__repr__(plain)}
    if isinstance(value, list):
        return each(list.__iter__(value))
    if isinstance(value, tuple):
        return {'tuple': each(tuple.__iter__(value))}
    if isinstance(value, dict):
        return {'dict': [each(pair) for pair in dict.items(value)]}
    if isinstance(value, set):
        return {'set': each(set.__iter__(value))}
    if isinstance(value, frozenset):
        return {'frozenset': each(frozenset.__iter__(value))}
    if isinstance(value, (bytes, bytearray)):
        return {'bytes': bytes(value).hex()}
    if isinstance(value, complex):
        return {'complex': [encode(value.real, handle), encode(value.imag, handle)]}
    if isinstance(value, range):
        return each(value)
    return handle(value, each)

def decode(wire, of_handle):
    def each(values):
        return [decode(v, of_handle) for v in values]
    if isinstance(wire, list):
        return each(wire)
    if not isinstance(wire, dict):
        return wire
    (tag, content), = wire.items()
    if tag == 'tuple':
        return tuple(each(content))
    if tag == 'dict':
        return {decode(k, of_handle): decode(v, of_handle) for k, v in content}
    if tag == 'set':
        return set(each(content))
    if tag == 'frozenset':
        return frozenset(each(content))
    if tag == 'bytes':
        return bytes.fromhex(content)
    if tag == 'int':
        return int(content, 16)
    if tag == 'float':
        return float(content)
    if tag == 'complex':
        return complex(*each(content))
    if tag == 'iterator':
        return iter(each(content))
    if tag == 'object':
        return of_handle(content)
    raise CannotCross(f'unknown tag {tag!r}')

def open_channel():
    """This process's line to the outside; what the program prints and reads goes nowhere."""
    requests, replies, nowhere = os.fdopen(os.dup(0), 'rb'), os.fdopen(os.dup(1), 'wb'), os.open('/dev/null', os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    def receive():
        line = requests.readline()
        return json.loads(line) if line else None
    def send(message, mark=b''):
        replies.write(mark + json.dumps(message).encode() + b'\n')
        replies.flush()
    return receive, send
`
