"""How2Sign, American Sign Language."""
