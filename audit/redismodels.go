package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// redisModels are read models in a Redis. What is kept of the read model cards has keys that begin with
// {refold:cards}: its rows are hashes, {refold:cards}:3:cards:alice, as those of build 3.
type redisModels struct {
	client *redis.Client
	name   string
	prefix string
}

// scanned is how many keys are asked for at once.
const scanned = 1000

func openRedis(url, prefix string) (modelStore, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("--database %s: %w", withoutPassword(url), err)
	}
	redis.SetLogger(silent{})
	return &redisModels{redis.NewClient(options), withoutPassword(url), cmp.Or(prefix, "refold:")}, nil
}

func (r *redisModels) String() string { return r.name }

func (r *redisModels) close() { _ = r.client.Close() } // it was only read

// key returns a key of what is kept of a read model.
func (r *redisModels) key(projection string, parts ...any) string {
	key := "{" + r.prefix + projection + "}"
	for _, part := range parts {
		key += fmt.Sprint(":", part)
	}
	return key
}

// failed says what could not be read.
func (r *redisModels) failed(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: reading %s: %w", r.name, key, err)
}

func (r *redisModels) hash(ctx context.Context, key string) (map[string]string, error) {
	hash, err := r.client.HGetAll(ctx, key).Result()
	return hash, r.failed(key, err)
}

func (r *redisModels) builds(ctx context.Context, models []ReadModel) (all []storedBuild, err error) {
	for _, m := range models {
		numbers, err := r.hash(ctx, r.key(m.Name, ".builds"))
		if err != nil {
			return nil, err
		}
		for number, standing := range numbers {
			if standing == buildDropped {
				continue
			}
			b, err := r.build(ctx, m.Name, number)
			if err != nil {
				return nil, err
			}
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b storedBuild) int {
		return cmp.Or(cmp.Compare(a.projection, b.projection), cmp.Compare(a.number, b.number))
	})
	return all, nil
}

func (r *redisModels) build(ctx context.Context, projection, number string) (b storedBuild, err error) {
	b = storedBuild{projection: projection, next: make(map[Place]int64)}
	about, err := r.hash(ctx, r.key(projection, number, ".build"))
	if err != nil {
		return b, err
	}
	b.status = about["status"]
	progress, err := r.hash(ctx, r.key(projection, number, ".progress"))
	if err != nil {
		return b, err
	}
	var errs []error
	integer := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		errs = append(errs, err)
		return n
	}
	b.number, b.version = integer(number), integer(about["version"])
	for field, value := range progress {
		parts := strings.Split(field, "/") // topic/0/next
		if len(parts) == 3 && parts[2] == "next" {
			b.next[Place{Key: parts[0], Partition: int32(integer(parts[1]))}] = integer(value)
		}
	}
	return b, r.failed(r.key(projection, number), errors.Join(errs...))
}

func (r *redisModels) rows(
	ctx context.Context, b storedBuild, table string, each func(map[string]any) error,
) error {
	return r.rowsOf(ctx, b.projection, strconv.FormatInt(b.number, 10), table, each)
}

// shown follows the number of the build that readers follow.
func (r *redisModels) shown(
	ctx context.Context, b storedBuild, table string, each func(map[string]any) error,
) error {
	key := r.key(b.projection, ".live")
	live, err := r.client.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return r.failed(key, err)
	}
	return r.rowsOf(ctx, b.projection, live, table, each)
}

// rowsOf looks at all keys of the server: a row that no list names is there, too.
func (r *redisModels) rowsOf(
	ctx context.Context, projection, number, table string, each func(map[string]any) error,
) error {
	keys := r.client.Scan(ctx, 0, r.key(projection, number, table, "*"), scanned).Iterator()
	seen := make(map[string]bool) // a key may come twice
	for keys.Next(ctx) {
		key := keys.Val()
		if seen[key] {
			continue
		}
		seen[key] = true
		hash, err := r.hash(ctx, key)
		if err != nil {
			return err
		}
		row := make(map[string]any, len(hash))
		for column, value := range hash {
			row[column] = value
		}
		if err := each(row); err != nil {
			return err
		}
	}
	return r.failed(r.key(projection, number, table), keys.Err())
}

func (r *redisModels) states(ctx context.Context, b storedBuild, each func(storedState) error) error {
	key := r.key(b.projection, b.number, ".states")
	fields := r.client.HScan(ctx, key, 0, "*", scanned).Iterator()
	seen := make(map[string]bool)
	for fields.Next(ctx) {
		name := fields.Val()
		if !fields.Next(ctx) {
			break
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		kind, subject, _ := strings.Cut(name, "/") // account/alice
		sequence, value, _ := strings.Cut(fields.Val(), ":")
		n, err := strconv.ParseInt(sequence, 10, 64)
		if err != nil {
			return r.failed(key, err)
		}
		if err := each(storedState{kind, subject, n, []byte(value)}); err != nil {
			return err
		}
	}
	return r.failed(key, fields.Err())
}
