package graph

import (
	"context"
)

// Inventory is told from memory.
func (r *queryResolver) Inventory(ctx context.Context, filter *ServedFilter, first int32, after *string) (*ServedConnection, error) {
	p, err := page(first, after)
	if err != nil {
		return nil, err
	}
	return inventoryPage(filter.among(listed(r.guard.Inventory(), r.about.catalogue())), p), ctx.Err()
}
