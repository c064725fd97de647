package snapshots

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
)

// healEvery is how many steps of a tenant its store lives, if it is not damaged before.
const healEvery = 50

// toldOnce is a watcher that notes that it was told.
type toldOnce struct{ known atomic.Bool }

func (o *toldOnce) damaged(error) { o.known.Store(true) }

// tenant uses one store, as its owner does: it writes, reads what it has written, and opens the store anew
// when it is told of damage.
type tenant struct {
	*testing.T
	disk *disk
	name storeName

	k     *keyspace
	told  *toldOnce
	rows  map[string]string
	heals int
}

func (o *tenant) open() {
	o.told, o.rows = new(toldOnce), make(map[string]string)
	var err error
	if o.k, err = o.disk.keyspace(o.name, o.told); err != nil {
		o.Fatal(err)
	}
	if rows := rowsOf(o, o.k, nil, nil); len(rows) > 0 && !o.told.known.Load() {
		o.Errorf("%v begins with %v", o.name, rows)
	}
}

// heal drops the rows and opens the store again.
func (o *tenant) heal(isDamaged bool) {
	o.heals++
	if err := o.k.drop(isDamaged); err != nil {
		o.Error(err)
	}
	if err := o.k.close(); err != nil {
		o.Error(err)
	}
	o.open()
}

func (o *tenant) step(n int) {
	if o.told.known.Load() {
		o.heal(true)
	}
	b := o.k.batch(0)
	key, value := fmt.Sprint("key", n%20), fmt.Sprint(n)
	_ = b.Set([]byte(key), []byte(value))
	if err := b.apply(&checkpoint{next: int64(n)}); err != nil {
		o.Error(err)
	}
	b.release()
	o.rows[key] = value
	if rows := rowsOf(o, o.k, nil, nil); !maps.Equal(rows, o.rows) && !o.told.known.Load() {
		o.Errorf("%v has %v; want %v", o.name, rows, o.rows)
	}
	if n%healEvery == healEvery-1 {
		o.heal(false)
	}
}

// While damage is found in any of the stores, and the database is given up as a whole now and then, each
// store has all that was written to it since it was opened, or is told that it has not.
func TestStoresHealWhileOthersWrite(t *testing.T) {
	const tenants, steps = 4, 400
	disk := openedDisk(t)
	var writing sync.WaitGroup
	at := make(chan int, tenants*steps)
	all := make([]*tenant, tenants)
	for i := range all {
		o := &tenant{T: t, disk: disk, name: storeName{topic: "topic", partition: int32(i)}}
		all[i] = o
		o.open()
		writing.Go(func() {
			for n := range steps {
				o.step(n)
				at <- n
			}
		})
	}
	for done := range tenants * steps {
		<-at
		disk.mu.Lock()
		db := disk.now
		if db != nil && done%40 == 39 {
			db.mu.Lock()
			newest := db.next
			db.mu.Unlock()
			db.suspect(span{newest - min(newest-1, 2), newest}, ErrDamaged)
		}
		if db != nil && done%400 == 399 {
			db.condemn(ErrDamaged)
		}
		disk.mu.Unlock()
	}
	writing.Wait()
	heals := 0
	for _, o := range all {
		heals += o.heals
		if err := o.k.close(); err != nil {
			t.Error(err)
		}
	}
	if planned := tenants * steps / healEvery; heals <= planned {
		t.Errorf("the stores were opened anew %d times, and no time for damage", heals)
	}
}
