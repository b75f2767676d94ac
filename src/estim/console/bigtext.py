"""Words in letters five rows high: what the patient reads from two metres away."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ROWS = 5

_SHAPES = """
A .###. #...# ##### #...# #...#
B ####. #...# ####. #...# ####.
C .#### #.... #.... #.... .####
D ####. #...# #...# #...# ####.
E ##### #.... ####. #.... #####
F ##### #.... ####. #.... #....
G .#### #.... #..## #...# .####
H #...# #...# ##### #...# #...#
I ### .#. .#. .#. ###
J ..### ...#. ...#. #..#. .##..
K #...# #..#. ###.. #..#. #...#
L #.... #.... #.... #.... #####
M #...# ##.## #.#.# #...# #...#
N #...# ##..# #.#.# #..## #...#
O .###. #...# #...# #...# .###.
P ####. #...# ####. #.... #....
Q .###. #...# #...# #..#. .##.#
R ####. #...# ####. #..#. #...#
S .#### #.... .###. ....# ####.
T ##### ..#.. ..#.. ..#.. ..#..
U #...# #...# #...# #...# .###.
V #...# #...# #...# .#.#. ..#..
W #...# #...# #.#.# ##.## #...#
X #...# .#.#. ..#.. .#.#. #...#
Y #...# .#.#. ..#.. ..#.. ..#..
Z ##### ...#. ..#.. .#... #####
Ä .#.#. .###. #...# ##### #...#
Ö .#.#. .###. #...# #...# .###.
Ü .#.#. ..... #...# #...# .###.
0 .###. #..## #.#.# ##..# .###.
1 .#. ##. .#. .#. ###
2 ####. ....# .###. #.... #####
3 ####. ....# .###. ....# ####.
4 #...# #...# ##### ....# ....#
5 ##### #.... ####. ....# ####.
6 .###. #.... ####. #...# .###.
7 ##### ....# ...#. ..#.. ..#..
8 .###. #...# .###. #...# .###.
9 .###. #...# .#### ....# .###.
"""


def _parse(shapes: str) -> Mapping[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {" ": ("..",) * ROWS}
    for line in shapes.split("\n"):
        if line:
            letter, *rows = line.split()
            table[letter] = tuple(rows)
    return MappingProxyType(table)


FONT = _parse(_SHAPES)


def big(text: str, columns: int = 1_000) -> tuple[str, ...]:
    """`text` in five rows of full blocks, wherever so many columns hold it; else its letters apart, in the middle row.

    Letters that the font lacks are left out of the blocks.
    """
    letters = [FONT[letter] for letter in text.upper() if letter in FONT]
    rows = tuple(" ".join(letter[row].replace("#", "█").replace(".", " ") for letter in letters) for row in range(ROWS))
    if len(rows[0]) <= columns:
        return rows
    apart = " ".join(text.upper())
    return ("", "", apart if len(apart) <= columns else text.upper(), "", "")


def width(text: str) -> int:
    """Columns that the blocks of `text` take."""
    return len(big(text)[0])
