"""Let programs that were linked against a newer glibc load on this one.

`relax_glibc.py MAJOR.MINOR FILE...` does it.  Compiled with the headers of glibc 2.38, C code calls
__isoc23_strtol and its like where it called strtol before; they differ in what "0b1" means.  These
symbols are pointed to their older namesakes, whose names are the ends of theirs.
Whatever else is newer than this glibc makes the script fail.
"""

import re
import struct
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

PREFIX = "__isoc23_"
Versions = Mapping[int, tuple[int, str]]
"""Where each needed version stands in the file, and its name, by its index."""
BASE = "GLIBC_2.2.5"
"""The oldest version of x86-64: it has the elder namesakes."""


def relax(path: Path, newest: tuple[int, int]) -> int:
    """Rewrite a file in place; how many symbols.

    Raises
    ------
    SystemExit
        If it needs a symbol for which there is no substitute.
    """
    with path.open("rb") as file:
        elf = ELFFile(file)
        needed = elf.get_section_by_name(".gnu.version_r")
        versions = (
            {}
            if needed is None
            else {index: (at, name) for at, index, name in needed_versions(needed)}
        )
        too_new = {index for index, (_, name) in versions.items() if is_newer(name, newest)}
        patches = symbol_patches(elf, versions, too_new, path) if too_new else {}
        count = len(patches) // 2
        patches |= version_patches(file, versions, too_new)
    with path.open("r+b") as file:
        for offset, content in patches.items():
            file.seek(offset)
            file.write(content)
    return count


def needed_versions(section: GNUVerNeedSection) -> Iterator[tuple[int, int, str]]:
    """Offset, index and name of every version that a file needs."""
    start = section["sh_offset"]
    for need, _ in section.iter_versions():
        at = start + need["vn_aux"]
        for _ in range(need["vn_cnt"]):
            entry = section.structs.Elf_Vernaux.parse(read(section.stream, at, 16))
            yield at, entry["vna_other"], section.stringtable.get_string(entry["vna_name"])
            at += entry["vna_next"]
        start += need["vn_next"]


def is_newer(name: str, newest: tuple[int, int]) -> bool:
    """Tell whether a version is one of glibc's later than `newest`."""
    match = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", name)
    return match is not None and (int(match[1]), int(match[2])) > newest


def symbol_patches(
    elf: ELFFile, versions: Versions, too_new: set[int], path: Path
) -> dict[int, bytes]:
    """Names and versions of the symbols that are too new."""
    symbols, indices = elf.get_section_by_name(".dynsym"), elf.get_section_by_name(".gnu.version")
    base = next(index for index, (_, name) in versions.items() if name == BASE)
    patches = {}
    for number, symbol in enumerate(symbols.iter_symbols()):
        index_at = indices["sh_offset"] + 2 * number
        if struct.unpack("<H", read(elf.stream, index_at, 2))[0] & 0x7FFF not in too_new:
            continue
        if not symbol.name.startswith(PREFIX):
            sys.exit(f"{path}: {symbol.name} has no substitute in this glibc")
        name_at = symbols["sh_offset"] + symbols["sh_entsize"] * number
        patches[name_at] = struct.pack("<I", symbol["st_name"] + len(PREFIX))
        patches[index_at] = struct.pack("<H", base)
    return patches


def version_patches(stream: BinaryIO, versions: Versions, too_new: set[int]) -> dict[int, bytes]:
    """The versions nobody needs any longer: ask for the oldest once more in their place."""
    if not too_new:
        return {}
    base_at = next(at for at, name in versions.values() if name == BASE)
    hash_, name = read(stream, base_at, 4), read(stream, base_at + 8, 4)
    return {
        versions[index][0] + shift: part
        for index in too_new
        for shift, part in ((0, hash_), (8, name))
    }


def read(stream: BinaryIO, offset: int, size: int) -> bytes:
    """Some bytes of a file."""
    stream.seek(offset)
    return stream.read(size)


if __name__ == "__main__":
    major, minor = map(int, sys.argv[1].split("."))
    for file_name in sys.argv[2:]:
        path = Path(file_name)
        if path.read_bytes().startswith(b"\x7fELF"):
            sys.stdout.write(f"{path}: {relax(path, (major, minor))} symbols rewritten\n")
