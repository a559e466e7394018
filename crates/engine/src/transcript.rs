//! Pages of a transcript.
