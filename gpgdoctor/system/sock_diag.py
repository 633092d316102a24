"""Unix sockets as the kernel lists them: which listen, which are connected, and with which.

NETLINK_SOCK_DIAG connects to nothing, so that looking starts no daemon, and it shows both ends of a connection to
everybody; psutil and /proc/net/unix do not. Layout: linux/unix_diag.h, linux/inet_diag.h.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from gpgdoctor.system.deadline import stretched

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST_DUMP = 0x301
NLMSG_ERROR, NLMSG_DONE = 2, 3
UDIAG_SHOW_NAME, UDIAG_SHOW_VFS, UDIAG_SHOW_PEER, UDIAG_SHOW_UID = 0x01, 0x02, 0x04, 0x40
UNIX_DIAG_NAME, UNIX_DIAG_VFS, UNIX_DIAG_PEER, UNIX_DIAG_UID = 0, 1, 2, 7
LISTENING, ESTABLISHED = 10, 1
ALL_STATES = 0xFFFFFFFF

_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBHIIIII")
_MESSAGE = struct.Struct("=BBBBIII")
_ATTRIBUTE = struct.Struct("=HH")
_NUMBER = struct.Struct("=I")
_VFS = struct.Struct("=II")
_MINOR_BITS = 20
_RECEIVE_BYTES = 1 << 18
_TIMEOUT_S = 1.0


class File(NamedTuple):
    """A file as sock_diag identifies it: the low 32 bits of its inode, and the device of its superblock."""

    inode: int
    major: int
    minor: int


class UnixSocket(NamedTuple):
    inode: int
    state: int
    path: bytes  # empty where it has no name
    peer: int  # the inode of the other end, 0 where there is none
    uid: int | None  # None on kernels before 5.3
    file: File | None = None  # what it was bound to, in whichever mount namespace; a client's end has none


def unix_sockets() -> list[UnixSocket]:
    """Every Unix stream of this network namespace; raises OSError where the kernel refuses."""
    show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_UID
    request = _REQUEST.pack(socket.AF_UNIX, 0, 0, ALL_STATES, 0, show, ALL_STATES, ALL_STATES)
    header = _HEADER.pack(_HEADER.size + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(stretched(_TIMEOUT_S))
        netlink.send(header + request)
        found: list[UnixSocket] = []
        while True:
            done = parse_replies(netlink.recv(_RECEIVE_BYTES), found)
            if done:
                return found


def parse_replies(packet: bytes, found: list[UnixSocket]) -> bool:
    """Add the sockets of one packet to ``found``; True at the end of the dump. Raises OSError on an error reply."""
    offset = 0
    while offset + _HEADER.size <= len(packet):
        length, kind, _, _, _ = _HEADER.unpack_from(packet, offset)
        if kind == NLMSG_DONE:
            return True
        if kind == NLMSG_ERROR:
            code = struct.unpack_from("=i", packet, offset + _HEADER.size)[0] if len(packet) >= offset + 20 else 0
            raise OSError(-code, "the kernel does not list Unix sockets")
        if length < _HEADER.size:
            raise OSError(0, "the kernel's list of Unix sockets cannot be read")
        end = min(offset + length, len(packet))
        if end - offset >= _HEADER.size + _MESSAGE.size:
            found.append(_parse_socket(packet, offset + _HEADER.size, end))
        offset += (length + 3) & ~3
    return False


def _parse_socket(packet: bytes, offset: int, end: int) -> UnixSocket:
    """One message: a desktop has thousands, so that this copies nothing that it does not need."""
    _, _, state, _, inode, _, _ = _MESSAGE.unpack_from(packet, offset)
    path, peer, uid, file = b"", 0, None, None
    offset += _MESSAGE.size
    while offset + _ATTRIBUTE.size <= end:
        length, kind = _ATTRIBUTE.unpack_from(packet, offset)
        start, stop = offset + _ATTRIBUTE.size, min(offset + length, end)
        if length < _ATTRIBUTE.size:
            break
        if kind == UNIX_DIAG_PEER and stop - start == _NUMBER.size:
            (peer,) = _NUMBER.unpack_from(packet, start)
        elif kind == UNIX_DIAG_UID and stop - start == _NUMBER.size:
            (uid,) = _NUMBER.unpack_from(packet, start)
        elif kind == UNIX_DIAG_NAME:
            path = packet[start:stop]
            path = path.rstrip(b"\0") if not path.startswith(b"\0") else path
        elif kind == UNIX_DIAG_VFS and stop - start == _VFS.size:
            file = _file(*_VFS.unpack_from(packet, start))
        offset += (length + 3) & ~3
    return UnixSocket(inode, state, path, peer, uid, file)


def _file(inode: int, device: int) -> File:
    """The device in the kernel's own encoding, which is not that of stat(2)."""
    return File(inode, device >> _MINOR_BITS, device & ((1 << _MINOR_BITS) - 1))
