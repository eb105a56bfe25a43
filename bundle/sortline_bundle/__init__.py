"""The contract between workshop and station: what a bundle is and how pixels are made. Defined once, here."""
