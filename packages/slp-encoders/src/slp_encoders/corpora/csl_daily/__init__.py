"""CSL-Daily, Chinese Sign Language."""
