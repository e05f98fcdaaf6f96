#!/usr/bin/env bash
# Makes the README's pictures of the report, in results/pictures/: runs a scenario and takes screenshots of
# single sections of its page with Chromium (Debian: chromium). Pillow keeps them small, if it is there.
#
#     scripts/pictures.sh [PROGRAM]     (default: target/release/liftsweep, built if it is not there)
set -euo pipefail
cd "$(dirname "$0")/.."
browser=$(command -v chromium || command -v google-chrome || command -v chromium-browser)
program=${1:-target/release/liftsweep}
[ -x "$program" ] || cargo build --release
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$program" run configs/robustness.toml --out "$folder/run" --quiet --progress never
mkdir -p results/pictures

# picture NAME SECTION WIDTH,HEIGHT: the page with this section alone. A screenshot has no place to scroll to,
# and the page's own policy would refuse a style that is not its own.
picture() {
  sed -e 's|<meta http-equiv="Content-Security-Policy"[^>]*>||' \
    -e "s|</head>|<style>body > header, header, nav, footer, section:not($2) { display: none !important }</style></head>|" \
    "$folder/run/report.html" >"$folder/run/$1.html"
  "$browser" --headless=new --no-sandbox --hide-scrollbars --virtual-time-budget=20000 --force-device-scale-factor=1 \
    --window-size="$3" --screenshot="$folder/picture.png" "file://$folder/run/$1.html" 2>/dev/null
  python3 - "$folder/picture.png" "results/pictures/$1.png" <<'PYTHON' || cp "$folder/picture.png" "results/pictures/$1.png"
import sys
from PIL import Image
Image.open(sys.argv[1]).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(sys.argv[2], optimize=True)
PYTHON
}
picture answer "#answer" 1200,430
picture rules "#explore" 1200,1130
picture plan "#plan" 1200,720
