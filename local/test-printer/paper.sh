#!/bin/sh
# A job comes out of the test printer: $1 is the document. While a file `jam` is there, its paper is jammed.
if [ -e "$PAPER/jam" ]; then
    echo "STATE: +media-jam-error" >&2
    while [ -e "$PAPER/jam" ]; do sleep 0.2; done
    echo "STATE: -media-jam-error" >&2
fi
exec pdftoppm -png -r 100 "$1" "$PAPER/$(date +%Y-%m-%d-%H%M%S)-job-$IPP_JOB_ID"
