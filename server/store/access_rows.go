package store

import (
	"strings"

	"github.com/sentinel-protocol/sentinel/server/access"
)

type operatorRow struct {
	ID                string `gorm:"primaryKey"`
	Name, Folded      string
	Role              uint8
	Password          string
	CreatedAt, SeenAt int64 `gorm:"autoCreateTime:false;autoUpdateTime:false"`
}

func (operatorRow) TableName() string { return "operators" }

func rowOfOperator(o *access.Operator) operatorRow {
	name := clean(o.Name)
	return operatorRow{
		ID: o.ID, Name: name, Folded: strings.ToLower(name), Role: uint8(o.Role), Password: o.Password,
		CreatedAt: millis(o.Created), SeenAt: millis(o.Seen),
	}
}

func (r operatorRow) operator() access.Operator {
	return access.Operator{
		ID: r.ID, Name: r.Name, Role: access.Role(r.Role), Password: r.Password,
		Created: instant(r.CreatedAt), Seen: instant(r.SeenAt),
	}
}

type sessionRow struct {
	Hash              []byte `gorm:"primaryKey"`
	Operator          string
	CreatedAt, SeenAt int64 `gorm:"autoCreateTime:false;autoUpdateTime:false"`
	Origin            string
}

func (sessionRow) TableName() string { return "sessions" }

func (r sessionRow) session() access.Session {
	return access.Session{
		Hash: hash(r.Hash), Operator: r.Operator, Created: instant(r.CreatedAt), Seen: instant(r.SeenAt), Origin: r.Origin,
	}
}

type linkRow struct {
	Operator  string `gorm:"primaryKey"`
	Hash      []byte
	ExpiresAt int64
}

func (linkRow) TableName() string { return "links" }

func (r linkRow) link() access.Link {
	return access.Link{Hash: hash(r.Hash), Operator: r.Operator, Expires: instant(r.ExpiresAt)}
}

type tokenRow struct {
	ID        string `gorm:"primaryKey"`
	Name      string
	Role      uint8
	Prefix    string
	Hash      []byte
	MadeBy    string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	UsedAt    int64
	ExpiresAt int64
}

func (tokenRow) TableName() string { return "tokens" }

func rowOfToken(t *access.Token) tokenRow {
	return tokenRow{
		ID: t.ID, Name: clean(t.Name), Role: uint8(t.Role), Prefix: t.Prefix, Hash: t.Hash[:], MadeBy: clean(t.By),
		CreatedAt: millis(t.Created), UsedAt: millis(t.Used), ExpiresAt: millis(t.Expires),
	}
}

func (r tokenRow) token() access.Token {
	return access.Token{
		ID: r.ID, Name: r.Name, Role: access.Role(r.Role), Prefix: r.Prefix, Hash: hash(r.Hash), By: r.MadeBy,
		Created: instant(r.CreatedAt), Used: instant(r.UsedAt), Expires: instant(r.ExpiresAt),
	}
}

func hash(b []byte) (h access.Hash) {
	copy(h[:], b)
	return h
}
