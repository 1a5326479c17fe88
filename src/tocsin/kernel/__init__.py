"""Every rule of the response loop, pure: commands in, events or a refusal out."""
