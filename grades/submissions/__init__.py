"""The path of one rating: decode, validate, keys, store. The only code that writes for `/score`."""
