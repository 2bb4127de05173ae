"""The Network IR: what a spec means, validated, as frozen pydantic models."""
