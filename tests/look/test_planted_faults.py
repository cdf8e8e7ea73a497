"""Every kind of fault is found where it was planted, and none where it was not."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from lamplighter.checks.finding import Finding
from lamplighter.look import pictures as pictures_room
from lamplighter.look.facts import Facts
from lamplighter.look.measure import measure_file
from lamplighter.look.verdict import look

SIZE = 128


@pytest.fixture(scope="module")
def clean_facts(drawn_once: Path) -> dict[bytes, Facts]:
    """What is known of the sound files, by their bytes: they are decoded once for all tests."""
    return {path.read_bytes(): measure_file(path) for path in drawn_once.rglob("*.jpg")}


@pytest.fixture(autouse=True)
def decoded_once(clean_facts: dict[bytes, Facts], monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are byte by byte those of the clean set are not decoded again."""

    def measured(paths: Sequence[Path]) -> list[Facts]:
        return [clean_facts.get(path.read_bytes()) or measure_file(path) for path in paths]

    monkeypatch.setattr(pictures_room, "measure_files", measured)


def found(root: Path, **settings: object) -> dict[str, list[Finding]]:
    """code → findings of a look."""
    by_code: dict[str, list[Finding]] = {}
    for finding in look(root, size=SIZE, **settings).findings:  # type: ignore[arg-type]
        by_code.setdefault(finding.code, []).append(finding)
    return by_code


def names(findings: list[Finding]) -> set[str]:
    """The file names of all paths of some findings."""
    return {Path(path).name for finding in findings for path in finding.paths}


def test_nothing_is_invented_on_a_clean_set(clean_set):
    """A sound data set has no finding at all, and its verdict says so."""
    seen = look(clean_set, size=SIZE)
    assert seen.findings == []
    assert seen.verdict == "Looks sound: 144 pictures in 2 classes, nothing to mend."


def plant_truncated(root, draw):
    good = next((root / "train/cats").glob("*.jpg")).read_bytes()
    (root / "train/cats/cut.jpg").write_bytes(good[: len(good) // 2])
    return "D120", {"cut.jpg"}


def plant_web_page(root, draw):
    (root / "val/dogs/page.jpg").write_text("<html>404 not found</html>")
    return "D120", {"page.jpg"}


def plant_empty(root, draw):
    (root / "train/cats/zero.png").touch()
    return "D121", {"zero.png"}


def plant_bomb(root, draw):
    # a PNG header that claims 60,000 × 60,000 pixels, on a file of a few bytes
    path = root / "train/cats/bomb.png"
    Image.new("1", (8, 8)).save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    path.write_bytes(bytes(data))
    return "D122", {"bomb.png"}


def plant_wrong_ending(root, draw):
    draw(900).save(root / "train/cats/really_png.jpg", format="PNG")
    return "D123", {"really_png.jpg"}


def plant_turned(root, draw):
    exif = Image.Exif()
    exif[274] = 6
    draw(901).save(root / "train/cats/turned.jpg", exif=exif)
    return "D124", {"turned.jpg"}


def plant_palette(root, draw):
    draw(902).quantize(64).save(root / "train/cats/palette.png")
    return "D125", {"palette.png"}


def plant_cmyk(root, draw):
    draw(903).convert("CMYK").save(root / "train/cats/cmyk.jpg")
    return "D126", {"cmyk.jpg"}


def plant_deep(root, draw):
    grey = np.asarray(draw(904).convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(root / "train/cats/deep.png")
    return "D127", {"deep.png"}


def plant_clear(root, draw):
    picture = draw(905).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    picture.save(root / "train/cats/clear.png")
    return "D128", {"clear.png"}


def plant_animated(root, draw):
    frames = [draw(906), draw(907)]
    frames[0].save(root / "train/cats/moves.webp", save_all=True, append_images=frames[1:])
    return "D129", {"moves.webp"}


def plant_tiny(root, draw):
    draw(908).resize((40, 36)).save(root / "train/cats/tiny.png")
    return "D130", {"tiny.png"}


def plant_long(root, draw):
    draw(909).resize((900, 200)).save(root / "train/cats/long.jpg")
    return "D131", {"long.jpg"}


def plant_hidden(root, draw):
    (root / "train/cats/.DS_Store").write_bytes(b"x")
    return "D132", {".DS_Store"}


def plant_foreign(root, draw):
    (root / "train/cats/notes.docx").write_bytes(b"x")
    return "D133", {"notes.docx"}


def plant_empty_class(root, draw):
    (root / "train/birds").mkdir()
    return "D134", {"birds"}


def plant_one_colour(root, draw):
    Image.new("RGB", (240, 200), (7, 7, 7)).save(root / "train/cats/black.png")
    return "D135", {"black.png"}


def plant_nearly_black(root, draw):
    draw(915).point([level // 24 for level in range(256)] * 3).save(root / "train/cats/night.png")
    return "D135", {"night.png"}


def plant_sign(root, draw):
    sign = Image.new("RGB", (240, 200), (247, 247, 247))
    ImageDraw.Draw(sign).text((60, 90), "no longer available", fill=(60, 60, 60))
    sign.save(root / "train/cats/holiday.png")
    return "D136", {"holiday.png"}


def plant_bad_name(root, draw):
    draw(910).save(root / "train/cats/what?.jpg")
    return "D137", {"what?.jpg"}


def plant_copies(root, draw):
    first = sorted((root / "train/cats").glob("*.jpg"))[0]
    shutil.copy(first, root / "train/cats/again.jpg")
    return "D139", {"again.jpg", first.name}


def plant_same_pixels(root, draw):
    meta = PngImagePlugin.PngInfo()
    meta.add_text("comment", "edited")
    draw(911).save(root / "train/cats/one.png")
    draw(911).save(root / "train/cats/other.png", pnginfo=meta)
    return "D139", {"one.png", "other.png"}


def plant_mirrored(root, draw):
    draw(912).save(root / "train/cats/there.jpg")
    draw(912).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "train/cats/back.jpg")
    return "D140", {"there.jpg", "back.jpg"}


def plant_two_labels(root, draw):
    draw(913).save(root / "train/cats/pet.jpg")
    shutil.copy(root / "train/cats/pet.jpg", root / "train/dogs/pet2.jpg")
    return "Y110", {"pet.jpg", "pet2.jpg"}


def plant_near_two_labels(root, draw):
    draw(914).save(root / "train/cats/pet.jpg")
    draw(914).resize((120, 100)).save(root / "train/dogs/pet2.jpg")
    return "Y113", {"pet.jpg", "pet2.jpg"}


def plant_leak(root, draw):
    for place in (1, 2, 3):
        draw(920 + place).save(root / f"train/cats/leak{place}.jpg")
        shutil.copy(root / f"train/cats/leak{place}.jpg", root / f"val/cats/leaked{place}.jpg")
    return "S101", {f"leak{n}.jpg" for n in (1, 2, 3)} | {f"leaked{n}.jpg" for n in (1, 2, 3)}


def plant_near_leak(root, draw):
    draw(930).save(root / "train/cats/first.jpg")
    draw(930).crop((12, 10, 228, 190)).save(root / "val/cats/second.jpg", quality=40)
    return "S102", {"first.jpg", "second.jpg"}


def plant_series(root, draw):
    for patient in range(6):
        for scan in range(4):
            base = np.asarray(draw(940 + patient), np.float32)
            other = np.asarray(draw(960 + 4 * patient + scan), np.float32)
            mixed = Image.fromarray((0.7 * base + 0.3 * other).astype(np.uint8))
            split = "val" if scan == 3 else "train"
            mixed.save(root / split / "cats" / f"patient{patient:02d}_scan{scan}.jpg")
    return "S105", {f"patient{p:02d}_scan{s}.jpg" for p in range(6) for s in range(4)}


def plant_burst(root, draw):
    for place, split in enumerate(("train", "val")):
        exif = Image.Exif()
        exif[271], exif[272] = "Maker", "Model 1"
        exif.get_ifd(0x8769)[36867] = f"2024:05:01 10:20:3{place}"
        draw(990 + place).save(root / split / "cats" / f"shot{place}.jpg", exif=exif)
    return "S105", {"shot0.jpg", "shot1.jpg"}


def plant_unknown_class(root, draw):
    (root / "val/wolves").mkdir()
    draw(995).save(root / "val/wolves/a.jpg")
    return "Y103", set()


def plant_imbalance(root, draw):
    for path in sorted((root / "train/dogs").glob("*.jpg"))[1:]:
        path.unlink()
    return "Y112", set()


def plant_few(root, draw):
    for path in sorted((root / "val/dogs").glob("*.jpg"))[4:]:
        path.unlink()
    return "Y112", set()


def plant_wide(root, draw):
    for place in range(12):
        draw(1000 + place, 480, 200).save(root / f"train/cats/wide{place}.jpg")
    return "T106", {f"wide{place}.jpg" for place in range(12)}


PLANTS = [thing for name, thing in sorted(globals().items()) if name.startswith("plant_")]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__[6:])
def test_a_planted_fault_is_found_and_named(plant, clean_set, draw):
    """The fault is reported under its code, with exactly the files that have it."""
    code, files = plant(clean_set, draw)
    by_code = found(clean_set)
    assert code in by_code, sorted(by_code)
    if files:
        assert names(by_code[code]) == files
    assert by_code[code][0].fix


def test_validation_that_is_test_is_one_finding(clean_set):
    """When test holds the pictures of val, that is said once, and not as a leak."""
    shutil.copytree(clean_set / "val", clean_set / "test")
    by_code = found(clean_set)
    assert "S108" in by_code
    assert "S101" not in by_code


def test_a_set_that_is_all_drawings_has_no_placeholder(tmp_path):
    """Few colours on even areas are no fault where all pictures are like that."""
    for place in range(60):
        folder = tmp_path / ("ones" if place % 2 else "twos")
        folder.mkdir(exist_ok=True)
        sign = Image.new("RGB", (120, 100), "white")
        ImageDraw.Draw(sign).text(
            (10 + place % 7 * 9, 10 + place % 11 * 7), str(place * 37), fill="black"
        )
        sign.save(folder / f"{place}.png")
    assert "D136" not in found(tmp_path)
    assert "D135" not in found(tmp_path)
