#!/usr/bin/env bash
# Makes the README's pictures of the report, in results/pictures/: runs configs/robustness.toml and takes
# screenshots of its page with Chromium (Debian: chromium). Needs Pillow to keep them small, if it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
browser=$(command -v chromium || command -v google-chrome || command -v chromium-browser)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo run --release --quiet -- run configs/robustness.toml --out "$folder/run" >/dev/null
mkdir -p results/pictures

# A section of the page at the size of a window.
picture() {
  "$browser" --headless=new --no-sandbox --hide-scrollbars --virtual-time-budget=20000 \
    --window-size="$3" --screenshot="$folder/picture.png" "file://$folder/run/report.html$2" 2>/dev/null
  python3 - "$folder/picture.png" "results/pictures/$1.png" <<'PYTHON' || cp "$folder/picture.png" "results/pictures/$1.png"
import sys
from PIL import Image
Image.open(sys.argv[1]).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(sys.argv[2], optimize=True)
PYTHON
}
picture answer "" 1240,930
picture rules "#explore" 1240,900
picture plan "#plan" 1240,900
