package helm

import "context"

type Source struct{ Repository, Name, Version, Digest string }

func Fetch(ctx context.Context, s Source, dir string) (string, error) { return "", nil }
