"""Values and tables on the wire: into a request's bytes, and out of an answer's."""
