"""Pictures that people share: fetched safely, made harmless, kept on the disk, and fitted to each platform."""
