#!/bin/sh
# A job comes out of the test printer: $1 is the document.
exec pdftoppm -png -r 100 "$1" "$PAPER/$(date +%Y-%m-%d-%H%M%S)-job-$IPP_JOB_ID"
