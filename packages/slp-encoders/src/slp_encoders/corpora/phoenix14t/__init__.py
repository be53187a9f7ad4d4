"""RWTH-PHOENIX-Weather 2014T, German Sign Language."""
