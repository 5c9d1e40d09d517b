package environment

import "context"

func (r *recipe) openForwards(ctx context.Context) error { return nil }
func (r *recipe) closeForwards(context.Context) error { return nil }
