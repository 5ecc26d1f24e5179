"""What both sides of the reader know: the kind of a reply without a result that a lack of memory has."""

OUT_OF_MEMORY = "memory"
