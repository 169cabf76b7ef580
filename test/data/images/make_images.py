"""Makes the pictures of this folder, and what Pillow reads from them.

    pip install pillow==13.0.0 numpy==2.4.6
    python make_images.py

Takes seconds. Reads `source.png` and rewrites everything else: `decode/*`,
`decode.json` (SHA-256 of Pillow's RGB pixels for each file) and `resize.json`
(SHA-256 of Pillow's bicubic resize for each pair of sizes).
"""

import hashlib
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps

HERE = Path(__file__).parent
DECODE = HERE / "decode"
SOURCE = Image.open(HERE / "source.png").convert("RGB")  # 160 x 120
SMALL = SOURCE.crop((40, 20, 131, 87))  # 91 x 67: odd, so that rows end in the middle of a byte
expected = []


def sha256(pixels: bytes) -> str:
    return hashlib.sha256(pixels).hexdigest()


def keep(name: str, data: bytes, rgb: np.ndarray | None = None) -> None:
    """Writes a file and notes its upright RGB pixels, as Pillow reads them unless given."""
    (DECODE / name).write_bytes(data)
    picture = Image.open(io.BytesIO(data))
    orientation = picture.getexif().get(0x0112, 1)
    if rgb is None:
        picture.seek(0)
        upright = ImageOps.exif_transpose(picture)
        if upright.mode in ("RGBA", "LA") or "transparency" in upright.info:
            # Alpha is dropped, not composited.
            upright = Image.fromarray(np.asarray(upright.convert("RGBA"))[..., :3].copy())
        rgb = np.asarray(upright.convert("RGB"))
    expected.append(
        {
            "file": name,
            "width": rgb.shape[1],
            "height": rgb.shape[0],
            "orientation": orientation,
            "sha256": sha256(rgb.tobytes()),
        }
    )


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def make_jpegs() -> None:
    keep("baseline-420.jpg", saved(SMALL, "JPEG", quality=85, subsampling="4:2:0"))
    keep("baseline-422.jpg", saved(SMALL, "JPEG", quality=85, subsampling="4:2:2"))
    keep("baseline-444.jpg", saved(SMALL, "JPEG", quality=92, subsampling="4:4:4"))
    keep("photo.jpg", saved(SOURCE, "JPEG", quality=80))
    keep("progressive-420.jpg", saved(SMALL, "JPEG", quality=85, progressive=True))
    keep("progressive-444.jpg", saved(SMALL, "JPEG", quality=92, progressive=True, subsampling="4:4:4"))
    keep("restart.jpg", saved(SMALL, "JPEG", quality=85, restart_marker_blocks=2))
    keep("rgb.jpg", saved(SMALL, "JPEG", quality=85, keep_rgb=True))
    keep("grey.jpg", saved(SMALL.convert("L"), "JPEG", quality=85))
    keep("grey-progressive.jpg", saved(SMALL.convert("L"), "JPEG", quality=85, progressive=True))
    cmyk = with_black(SMALL)
    keep("cmyk.jpg", saved(cmyk, "JPEG", quality=85))
    keep("cmyk-progressive.jpg", saved(cmyk, "JPEG", quality=85, progressive=True))
    keep("ycck.jpg", ycck(cmyk))
    for orientation in range(1, 9):
        keep(f"orientation-{orientation}.jpg", saved(SMALL, "JPEG", quality=75, exif=exif(orientation)))
    # A camera's spare bytes before the end marker: read without complaint.
    plain = saved(SMALL, "JPEG", quality=60)
    keep("spare-bytes.jpg", plain[:-2] + b"\0\0\0\0" + plain[-2:])


def with_black(image: Image.Image) -> Image.Image:
    """CMYK with all four inks in use."""
    cmy = 255 - np.asarray(image, dtype=np.int32)
    black = cmy.min(axis=-1, keepdims=True) // 2
    return Image.fromarray(np.concatenate([cmy - black, black], axis=-1).astype(np.uint8), "CMYK")


def ycck(cmyk: Image.Image) -> bytes:
    """Pillow writes no YCCK: store its channels as if they were CMYK and change Adobe's flag."""
    inks = np.asarray(cmyk)
    # Adobe stores inverted inks, and libjpeg takes C, M, Y for 255 - R, G, B.
    stored = 255 - inks
    rgb = 255 - stored[..., :3]
    ycc = np.asarray(Image.fromarray(rgb).convert("YCbCr"))
    channels = np.concatenate([ycc, stored[..., 3:]], axis=-1)
    data = bytearray(saved(Image.fromarray(255 - channels, "CMYK"), "JPEG", quality=90, subsampling="4:4:4"))
    marker = data.index(b"Adobe")
    assert data[marker + 11] == 0
    data[marker + 11] = 2
    return bytes(data)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(samples: np.ndarray, color_type: int, depth: int, interlaced: bool = False, extra: bytes = b"") -> bytes:
    """A PNG of `samples` [H, W, samples a pixel], all five row filters in turn."""
    height, width, count = samples.shape
    raw = bytearray()
    for x, y, step_x, step_y in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::step_y, x::step_x]
        if part.size:
            raw += filtered(part, depth)
    body = zlib.compress(bytes(raw), 9)
    middle = len(body) // 2
    head = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced))
    data = chunk(b"IDAT", body[:middle]) + chunk(b"IDAT", body[middle:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + data + chunk(b"IEND", b"")


def filtered(part: np.ndarray, depth: int) -> bytes:
    height, width, count = part.shape
    flat = part.reshape(height, width * count)
    if depth == 16:
        rows = flat.astype(">u2").view(np.uint8).reshape(height, -1)
    elif depth == 8:
        rows = flat.astype(np.uint8)
    else:
        bits = (flat[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        rows = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)
    step = max(1, count * depth // 8)
    out = bytearray()
    above = np.zeros(rows.shape[1], np.int32)
    for y, row in enumerate(rows.astype(np.int32)):
        left = np.concatenate([np.zeros(step, np.int32), row])[: row.size]
        corner = np.concatenate([np.zeros(step, np.int32), above])[: row.size]
        guess = left + above - corner
        to_left, to_above, to_corner = abs(guess - left), abs(guess - above), abs(guess - corner)
        paeth = np.where(
            (to_left <= to_above) & (to_left <= to_corner), left, np.where(to_above <= to_corner, above, corner)
        )
        kind = y % 5
        prediction = [0 * row, left, above, (left + above) // 2, paeth][kind]
        out += bytes([kind]) + ((row - prediction) & 255).astype(np.uint8).tobytes()
        above = row
    return bytes(out)


def make_pngs() -> None:
    rgb = np.asarray(SMALL)
    grey = np.asarray(SMALL.convert("L"))[..., None]
    height, width, _ = rgb.shape
    ramp = np.arange(width * height).reshape(height, width, 1)
    alpha = (ramp % 256).astype(np.uint8)
    # 16 bits whose low byte is anything, so that rounding would show.
    wide = lambda part: part.astype(np.int32) * 256 + (ramp * 37) % 256
    replicated = lambda part: np.repeat(part.astype(np.uint8), 3, axis=-1)

    for interlaced, suffix in ((False, ""), (True, "-interlaced")):
        keep(f"rgb-8{suffix}.png", png(rgb, 2, 8, interlaced))
        keep(f"rgb-16{suffix}.png", png(wide(rgb), 2, 16, interlaced))
        keep(f"rgba-8{suffix}.png", png(np.concatenate([rgb, alpha], -1), 6, 8, interlaced))
        keep(f"rgba-16{suffix}.png", png(wide(np.concatenate([rgb, alpha], -1)), 6, 16, interlaced))
        keep(f"grey-alpha-8{suffix}.png", png(np.concatenate([grey, alpha], -1), 4, 8, interlaced))
        keep(f"grey-alpha-16{suffix}.png", png(wide(np.concatenate([grey, alpha], -1)), 4, 16, interlaced))
        for depth in (1, 2, 4, 8):
            keep(f"grey-{depth}{suffix}.png", png(grey >> (8 - depth), 0, depth, interlaced))
        # Pillow clips 16-bit grey to 255 on the way to RGB; the rule here is the high byte.
        keep(f"grey-16{suffix}.png", png(wide(grey), 0, 16, interlaced), replicated(grey))
        for depth in (1, 2, 4, 8):
            indexed = SMALL.quantize(2**depth, dither=Image.Dither.NONE)
            palette = chunk(b"PLTE", bytes(indexed.getpalette()[: 3 * 2**depth]))
            indices = np.asarray(indexed)[..., None]
            keep(f"palette-{depth}{suffix}.png", png(indices, 3, depth, interlaced, palette))
            if depth == 4:
                transparent = palette + chunk(b"tRNS", bytes([0, 128, 255]))
                keep(f"palette-transparent{suffix}.png", png(indices, 3, depth, interlaced, transparent))

    keep("grey-transparent.png", png(grey, 0, 8, extra=chunk(b"tRNS", struct.pack(">H", 128))))
    color = struct.pack(">HHH", *(int(value) for value in rgb[0, 0]))
    keep("rgb-transparent.png", png(rgb, 2, 8, extra=chunk(b"tRNS", color)))
    keep("orientation-6.png", saved(SMALL, "PNG", exif=exif(6)))
    frames = [SMALL, ImageOps.mirror(SMALL)]
    keep("animated.png", saved(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    keep("photo.png", saved(SOURCE, "PNG", optimize=True))
    # One pixel a row and one row, where some passes of Adam7 are empty.
    keep("column-interlaced.png", png(rgb[:, :1], 2, 8, True))
    keep("row-interlaced.png", png(rgb[:1], 2, 8, True))


def make_webps() -> None:
    alpha = Image.fromarray((np.arange(91 * 67).reshape(67, 91) % 256).astype(np.uint8))
    transparent = SMALL.copy()
    transparent.putalpha(alpha)
    keep("lossy.webp", saved(SMALL, "WEBP", quality=80))
    keep("photo.webp", saved(SOURCE, "WEBP", quality=75))
    keep("lossless.webp", saved(SMALL, "WEBP", lossless=True))
    keep("lossy-alpha.webp", saved(transparent, "WEBP", quality=80))
    keep("lossless-alpha.webp", saved(transparent, "WEBP", lossless=True, exact=True))
    for orientation in (1, 3, 6, 8):
        keep(f"orientation-{orientation}.webp", saved(SMALL, "WEBP", quality=60, exif=exif(orientation)))
    frames = [SMALL, ImageOps.mirror(SMALL), ImageOps.flip(SMALL)]
    keep("animated.webp", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], quality=60))
    keep("animated-lossless.webp", saved(transparent, "WEBP", save_all=True, append_images=frames[1:], lossless=True))


PAIRS = [
    # Shrinking, stretching, each axis alone, nothing, and to one pixel.
    ((160, 120), (768, 768)), ((160, 120), (384, 384)), ((160, 120), (80, 60)), ((160, 120), (79, 61)),
    ((160, 120), (160, 37)), ((160, 120), (37, 120)), ((160, 120), (160, 121)), ((160, 120), (161, 120)),
    ((160, 120), (160, 120)), ((160, 120), (1, 1)), ((160, 120), (3, 200)), ((160, 120), (500, 2)),
    ((1, 1), (7, 5)), ((1, 50), (64, 64)), ((2, 3), (100, 100)), ((5, 5), (4, 4)), ((64, 64), (768, 768)),
    ((1023, 767), (768, 768)), ((767, 1023), (768, 768)), ((1920, 1080), (768, 768)), ((640, 480), (768, 768)),
    ((640, 480), (512, 512)), ((512, 339), (768, 768)), ((339, 512), (384, 384)), ((1600, 1), (768, 3)),
    ((3, 1600), (3, 768)), ((1000, 1000), (224, 224)), ((1024, 1024), (512, 512)), ((777, 333), (778, 332)),
    ((2000, 100), (50, 768)), ((100, 2000), (768, 50)), ((1500, 1125), (768, 768)),
    # On both sides of where the order of the passes changes: height by 200, width by 100 or 99.
    ((484, 584), (384, 384)), ((483, 584), (384, 384)), ((384, 584), (384, 384)),
]  # fmt: skip
LETTERBOXES = [((160, 120), 384, 0), ((120, 160), 100, 114), ((100, 100), 64, 7), ((1000, 3), 128, 255)]


def noise(width: int, height: int) -> Image.Image:
    """A hash of each byte's position: the test makes the same bytes."""
    index = np.arange(width * height * 3, dtype=np.uint32)
    mixed = index * np.uint32(2654435761)
    values = ((mixed ^ (mixed >> np.uint32(15))) * np.uint32(2246822519)) >> np.uint32(24)
    return Image.fromarray(values.astype(np.uint8).reshape(height, width, 3))


def make_resizes() -> None:
    resizes = []
    for (width, height), (to_width, to_height) in PAIRS:
        for name, image in (("noise", noise(width, height)), ("photo", SOURCE)):
            if name == "photo" and image.size != (width, height):
                continue
            resized = image.resize((to_width, to_height), Image.Resampling.BICUBIC)
            resizes.append(
                {"image": name, "from": [width, height], "to": [to_width, to_height], "sha256": sha256(resized.tobytes())}
            )
    letterboxes = []
    for (width, height), side, pad in LETTERBOXES:
        ratio = min(side / width, side / height)
        size = (max(1, int(width * ratio)), max(1, int(height * ratio)))
        square = Image.new("RGB", (side, side), (pad, pad, pad))
        square.paste(noise(width, height).resize(size, Image.Resampling.BICUBIC), (0, 0))
        letterboxes.append({"from": [width, height], "side": side, "pad": pad, "sha256": sha256(square.tobytes())})
    SOURCE.resize((53, 31), Image.Resampling.BICUBIC).save(HERE / "source-53x31.png")
    write("resize.json", {"pillow": PIL.__version__, "resizes": resizes, "letterboxes": letterboxes})


def write(name: str, value: dict) -> None:
    (HERE / name).write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    DECODE.mkdir(exist_ok=True)
    make_jpegs()
    make_pngs()
    make_webps()
    make_resizes()
    write("decode.json", {"pillow": PIL.__version__, "files": expected})
    print(f"{len(expected)} pictures, {sum(file.stat().st_size for file in DECODE.iterdir())} bytes")
