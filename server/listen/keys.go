package listen

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// keys are a certificate and its key on disk. They are looked at again while hands are shaken,
// at most every few seconds, so that whoever renews a certificate need not tell.
type keys struct {
	cert, key string
	log       *slog.Logger
	current   atomic.Pointer[tls.Certificate]
	looked    atomic.Int64 // unix nanoseconds

	mu      sync.Mutex
	changed [2]time.Time // of the files, when they were last read or refused
}

const lookEvery = 5 * time.Second

func readKeys(cert, key string, log *slog.Logger) (*keys, error) {
	k := &keys{cert: cert, key: key, log: log}
	if err := k.read(); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *keys) read() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changed = k.stamps()
	pair, err := tls.LoadX509KeyPair(k.cert, k.key)
	if err != nil {
		return fmt.Errorf("read the certificate %s with the key %s: %w", k.cert, k.key, err)
	}
	k.current.Store(&pair)
	k.looked.Store(time.Now().UnixNano())
	return nil
}

func (k *keys) stamps() (at [2]time.Time) {
	for i, path := range [...]string{k.cert, k.key} {
		if f, err := os.Stat(path); err == nil {
			at[i] = f.ModTime()
		}
	}
	return at
}

func (k *keys) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now, looked := time.Now().UnixNano(), k.looked.Load()
	if now-looked > int64(lookEvery) && k.looked.CompareAndSwap(looked, now) {
		k.look()
	}
	return k.current.Load(), nil
}

func (k *keys) look() {
	k.mu.Lock()
	same := k.changed == k.stamps()
	k.mu.Unlock()
	if same {
		return
	}
	if err := k.read(); err != nil {
		k.log.Error("the certificate changed and can't be used; the old one goes on", "err", err)
		return
	}
	k.log.Info("the certificate was read again", "file", k.cert, "expires", k.current.Load().Leaf.NotAfter)
}
