package telemetry

import "time"

// standstill counts the scrapes that fail as a whole, which the stock
// receivers count nowhere: for as long as a scraper's scrapes fail, what it has
// read stands still.
type standstill struct {
	// interval is that of scraping, renewed that of hearing of it.
	interval, renewed time.Duration
	scrapers          map[string]reading
	// ended are the failed scrapes of standstills that are over.
	ended uint64
}

// reading is what a scraper has read, when that was new, and when it was last
// seen to be the same.
type reading struct {
	read      uint64
	new, same time.Time
}

// failed takes in what each scraper has read by now, and returns how many
// scrapes have failed so far.
func (s *standstill) failed(scraped map[string]uint64, now time.Time) uint64 {
	if s.scrapers == nil {
		s.scrapers = map[string]reading{}
	}
	total := uint64(0)
	for name, last := range s.scrapers {
		if read, there := scraped[name]; there && read == last.read {
			s.scrapers[name] = reading{read, last.new, now}
			total += s.missed(now.Sub(last.new))
			continue
		}
		// It reads again, or its node is gone.
		s.ended += s.missed(last.same.Sub(last.new))
		delete(s.scrapers, name)
	}
	for name, read := range scraped {
		if _, known := s.scrapers[name]; !known {
			s.scrapers[name] = reading{read, now, now}
		}
	}
	return s.ended + total
}

// missed are the scrapes of a standstill. A short one is none: scrapes may be
// late, and so may be the news of them.
func (s *standstill) missed(long time.Duration) uint64 {
	if s.interval <= 0 || long <= 3*max(s.interval, s.renewed) {
		return 0
	}
	return uint64(long/s.interval) - 1
}
