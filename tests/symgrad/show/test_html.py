"""HTML: one safe file, whose names lead to their lines, in a real browser wide and narrow."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from renderings import CHROMIUM, DERIVATIONS, GOLDEN, SHEETS, browse

from symgrad.show.html import fragment

VOID = {"meta", "wbr", "br"}


class Page(HTMLParser):
    """The elements of a page, each with its attributes; raises where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    def classes(self, pattern: str) -> set[str]:
        names = (c for _, attrs in self.elements for c in attrs.get("class", "").split())
        return {c for c in names if re.fullmatch(pattern, c)}


@pytest.mark.parametrize("name", GOLDEN)
def test_html(name: str, golden: Callable[..., None]) -> None:
    """The body; the style has a golden file of its own below."""
    derivation, style = GOLDEN[name]
    text = DERIVATIONS[derivation]().html(**style)
    golden(re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL), ".html")


@pytest.mark.parametrize(("name", "level"), SHEETS)
def test_one_file_with_nothing_from_elsewhere(name: str, level: str) -> None:
    page = Page(DERIVATIONS[name]().html(level=level))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "a", "base", "form"}
    for _, attrs in page.elements:
        assert not any(key.startswith("on") or key in ("src", "href", "style") for key in attrs)
    html = dict(page.elements)["html"]
    assert html["lang"] == "en"
    assert {"title", "h1", "h2", "main", "table", "th", "td", "math"} <= tags
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", DERIVATIONS)
def test_nothing_is_fetched(name: str) -> None:
    text = DERIVATIONS[name]().html()
    assert not re.search(r"url\(|@import|https?:|//", text)


NAMELESS = ("hessian", "long lines")
"""Sheets in which no line refers to another."""


@pytest.mark.parametrize(("name", "level"), SHEETS)
def test_every_name_leads_to_its_line(name: str, level: str) -> None:
    """A use ``r3`` has one line ``v3``, one equation ``t3``, and the rules that show them."""
    text = DERIVATIONS[name]().html(level=level)
    page = Page(text)
    uses = {c[1:] for c in page.classes(r"r\d+")}
    assert bool(uses) == (name not in NAMELESS)
    assert uses == {c[1:] for c in page.classes(r"t\d+")}
    assert uses <= {c[1:] for c in page.classes(r"v\d+")}
    for kind in "vt":  # the rows of a proof belong to the line of the same number
        found = re.findall(rf'class="{kind}(\d+)"', text)
        assert len(found) == len(set(found))
    for number in uses:
        assert f":has(.r{number}:hover,.r{number}:focus) .v{number}{{" in text
        assert f":has(.r{number}:hover,.r{number}:focus) .t{number}{{display:block}}" in text


def test_a_value_leads_to_where_it_was_computed() -> None:
    """In the design's network, the h of ∂L/∂W2 = δ2·hᵀ is that of h = tanh(z1)."""
    text = DERIVATIONS["design"]().html()
    rows = re.findall(r'<tr role="row"( class="v\d+")?>(.*?)</tr>', text)
    line = next(body for _, body in rows if "<mi>tanh</mi>" in body)
    own = next(place for place, body in rows if body == line)
    number = re.findall(r"\d+", own)[0]
    product = next(
        body for _, body in rows if "<mi>W</mi>" in body.split("</td>")[0] and "δ" in body
    )
    assert f'class="r{number}"' in product
    assert f'class="r{number}"' not in line  # a line does not refer to itself


def test_a_proof_line_is_a_row_with_its_law() -> None:
    """Its cells are those of its line, so that "=" is under "=" and the law with the reasons."""
    text = DERIVATIONS["design"]().html(level="full")
    moves = re.findall(r'<tr role="row" class="proof[^"]*">(.*?)</tr>', text)
    assert len(moves) == sum(
        len(s.proof) for s in DERIVATIONS["design"]().sheet(level="full").steps
    )
    for move in moves:
        left, right, shape, why = re.findall(r'<td role="cell" class="\w+">(.*?)</td>', move)
        assert left == shape == ""
        assert right.startswith("<math") and "=" in right
        assert why


def test_names_cannot_break_out() -> None:
    text = DERIVATIONS["hostile names"]().html()
    assert "<script" not in text.lower()
    assert "<b>" not in text
    shown = "".join(Page(text).text)
    assert "script" in shown
    assert "a&b" in shown


def test_a_fragment_keeps_to_itself() -> None:
    """Every rule is about the inside of a sheet, and stronger than a notebook's."""
    text = DERIVATIONS["design"]()._repr_html_()
    assert text.startswith('<article class="symgrad">')
    assert text == fragment(DERIVATIONS["design"]().sheet())
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    plain = re.sub(r"@(container|media)[^{]*\{", "", style)
    for selector in re.findall(r"([^{}]+)\{[^{}]*\}", plain):
        for part in re.split(r",(?![^()]*\))", selector.strip()):
            assert part.strip().startswith(":is(.symgrad,#symgrad)"), part


# -------------------------------------------------------------------------------- in a browser

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

WRAPPER = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
{frames}
<pre id="result"></pre>
<script>
const measure = frame => {{
  const page = frame.contentDocument, width = frame.clientWidth, wide = [], empty = [];
  for (const e of page.querySelectorAll("main *")) {{
    const box = e.getBoundingClientRect();
    const inside = e.closest("h1, .rhs, .lhs, .why, .tips, footer p");
    if (box.right > width + 1 && !(inside && inside !== e)) wide.push(e.className || e.tagName);
    if (e.tagName === "math" && !e.closest(".tips") && !(box.width > 0 && box.height > 0))
      empty.push(e.textContent);
  }}
  const math = page.querySelectorAll("main math").length;
  const flat = [...page.querySelectorAll("mi, mn, mfrac")].filter(
    e => !e.closest(".tips") && e.getBoundingClientRect().height === 0).length;
  const pointed = [];
  for (const e of page.querySelectorAll("[tabindex]")) {{
    e.focus();
    const k = [...e.classList].find(c => /^r[0-9]+$/.test(c)).slice(1);
    const tip = page.defaultView.getComputedStyle(page.querySelector(".t" + k)).display;
    const all = [...page.querySelectorAll(".tips p")].filter(
      p => page.defaultView.getComputedStyle(p).display !== "none").length;
    if (page.activeElement !== e || tip !== "block" || all !== 1) pointed.push(k);
  }}
  const uneven = [];
  if (width > 640) for (const e of page.querySelectorAll("tr.proof")) {{
    const line = e.previousElementSibling;
    for (const cell of [".rhs", ".why"]) {{
      const [a, b] = [line, e].map(x => x.querySelector(cell + " > *"));
      const [at, under] = [line, e].map(x => x.querySelector(cell).getBoundingClientRect());
      if (Math.abs(at.left - under.left) > 0.5) uneven.push(cell);
      if (cell === ".rhs" && Math.abs(
        a.getBoundingClientRect().left - b.getBoundingClientRect().left) > 0.5) uneven.push("=");
    }}
  }}
  return {{name: frame.name, width: page.documentElement.scrollWidth, room: width, wide, empty,
    uneven, math, flat, pointed, uses: page.querySelectorAll("[tabindex]").length}};
}};
addEventListener("load", () => {{
  const found = [...document.querySelectorAll("iframe")].map(measure);
  document.getElementById("result").textContent = JSON.stringify(found);
}});
</script>"""


def framed(folder: Path, widths: tuple[int, ...], sheets: list[tuple[str, str]]) -> Path:
    """A page with each sheet, by its name and level, in frames of several widths."""
    frames = []
    for name, level in sheets:
        file = folder / f"{name.replace(' ', '_')}_{level}.html"
        file.write_text(DERIVATIONS[name]().html(level=level), encoding="utf-8")
        frames += [
            f'<iframe src="{file.name}" name="{name} {level} {w}" '
            f'style="width:{w}px;height:900px;border:0"></iframe>'
            for w in widths
        ]
    page = folder / "wrapper.html"
    page.write_text(WRAPPER.format(frames="\n".join(frames)), encoding="utf-8")
    return page


@needs_chromium
def test_nothing_is_cut_off_and_everything_is_drawn(tmp_path: Path) -> None:
    """Wide and narrow: no line beyond the window, no empty formula, every value leads somewhere."""
    sheets = [(name, "normal") for name in ("design", "layer norm", "stacked", "hostile names")]
    sheets += [("design", "full"), ("long lines", "full")]
    dom = browse(framed(tmp_path, (1280, 360), sheets), "--dump-dom")
    (text,) = re.findall(r'<pre id="result">(.*?)</pre>', dom, re.DOTALL)
    found = json.loads(unescape(text))
    assert len(found) == 2 * len(sheets)
    for frame in found:
        assert frame["width"] <= frame["room"], frame
        assert frame["wide"] == [], frame
        assert frame["uneven"] == [], frame
        assert frame["empty"] == [], frame
        assert frame["flat"] == 0, frame
        assert frame["pointed"] == [], frame
        assert frame["math"] > 4, frame
        assert bool(frame["uses"]) == (not frame["name"].startswith(NAMELESS)), frame


def pixels(png: bytes) -> tuple[int, int, bytes]:
    """Width, height and the unpacked rows of a PNG file."""
    width, height = struct.unpack(">II", png[16:24])
    data, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += 12 + length
    return width, height, zlib.decompress(data)


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 500])
def test_a_screenshot_shows_something(width: int, tmp_path: Path) -> None:
    file, image = tmp_path / "sheet.html", tmp_path / "sheet.png"
    DERIVATIONS["design"]().save(file)
    browse(file, f"--screenshot={image}", f"--window-size={width},900")
    wide, high, rows = pixels(image.read_bytes())
    assert (wide, high) == (width, 900)
    assert len(set(rows)) > 20  # ink, and not one colour
