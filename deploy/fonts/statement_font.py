"""Makes the font of statements: the few hundred letters that our labels and identifiers need, out of Noto Sans SC.

python deploy/fonts/statement_font.py           write it, after a change of services/settlement/statements/labels.py
python deploy/fonts/statement_font.py --check   exit 1 if the committed font lacks a letter

The library that draws statements takes TrueType outlines, and the font comes with others: they are converted. So no
system font is needed, and each statement carries its letters.
"""

import sys
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont, newTable

from services.settlement.statements.labels import all_labels

SOURCE = files("pylopdf_fonts_zh_cn")
TARGET = Path(__file__).parents[2] / "services/settlement/statements/font/NotoSansSC-statement.ttf"
ASCII = "".join(map(chr, range(32, 127)))
MAX_ERROR_UNITS = 0.5
"""How far a converted curve may be from its original, in thousandths of the letter's height."""


def wanted_letters() -> set[str]:
    """Every letter that a statement may show: identifiers are ASCII, labels are ours."""
    return set(ASCII).union(*map(str, all_labels()))


def make() -> TTFont:
    """The subset, with TrueType outlines."""
    font = TTFont(str(SOURCE / "NotoSansSC-Regular.otf"), recalcTimestamp=False)
    options = Options()
    options.layout_features, options.hinting, options.notdef_outline, options.name_IDs = [], False, True, ["*"]
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(sorted(wanted_letters())))
    subsetter.subset(font)
    _convert(font)
    return font


def _convert(font: TTFont) -> None:
    """Cubic curves become quadratic ones."""
    order, glyphs = font.getGlyphOrder(), font.getGlyphSet()
    table = newTable("glyf")
    table.glyphOrder, table.glyphs = order, {}
    for name in order:
        pen = TTGlyphPen(None)
        glyphs[name].draw(Cu2QuPen(pen, MAX_ERROR_UNITS, reverse_direction=True))
        table.glyphs[name] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), table
    largest = font["maxp"]
    largest.tableVersion = 0x00010000
    for name in ("maxZones", "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs",
                 "maxStackElements", "maxSizeOfInstructions", "maxComponentElements"):  # fmt: skip
        setattr(largest, name, 1 if name == "maxZones" else 0)
    for unneeded in ("CFF ", "VORG", "GSUB", "GPOS", "BASE", "vhea", "vmtx"):
        if unneeded in font:
            del font[unneeded]
    font["post"].formatType = 3.0
    font.sfntVersion = "\0\1\0\0"


def main(arguments: list[str]) -> int:
    """Write or check; the exit status."""
    if "--check" not in arguments:
        TARGET.parent.mkdir(exist_ok=True)
        font = make()
        font.save(TARGET)
        licence = distribution("pylopdf-fonts-zh-cn").read_text("licenses/LICENSE")
        TARGET.with_name("OFL.txt").write_text(f"{font['name'].getDebugName(0)}\n\n{licence}")
        return 0
    if lacking := wanted_letters() - set(map(chr, TTFont(TARGET).getBestCmap())):
        sys.stderr.write(f"{TARGET.name} lacks {''.join(sorted(lacking))}: run {Path(__file__).name}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
