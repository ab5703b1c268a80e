#!/bin/sh
# A printer that speaks IPP Everywhere, on the port $PORT of loopback: CUPS's ippeveprinter. What comes out of it lies as PNG in the folder $1.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
PAPER=$(cd "$1" && pwd)
export PAPER
folder=$(mktemp -d)
bus=
printer=
end() {
    kill $printer $bus 2>/dev/null || true
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 0' INT TERM

# It does not start without a system bus, although it says nothing on it with -r off.
dbus-daemon --session --nofork --address="unix:path=$folder/bus" &
bus=$!
until [ -S "$folder/bus" ]; do sleep 0.1; done
DBUS_SYSTEM_BUS_ADDRESS="unix:path=$folder/bus" /usr/sbin/ippeveprinter -r off -n localhost -p "$PORT" -2 -s 10,5 \
    -f application/pdf,image/jpeg,image/pwg-raster -d "$folder" -c "$here/paper.sh" "Test printer" &
printer=$!
wait "$printer"
