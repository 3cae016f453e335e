"""The parts of the Design page: gallery, form, drawing, facts."""
