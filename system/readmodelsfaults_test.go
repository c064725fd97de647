//go:build system

package system_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
	"refold/system/rows"
)

// soon is within when a process has partitions, and writes. It takes two seconds on a machine of its own.
const soon = 2 * time.Minute

// must ends the test with an error.
func (m *readModels) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// one returns one of the projectors, and the other one.
func (m *readModels) one() (one, other *worker) {
	n := m.random.IntN(len(m.projectors))
	return m.projectors[n], m.projectors[1-n]
}

// untilWrites waits until a process has written a batch since it was started, of the projection that is
// named, or of any.
func (m *readModels) untilWrites(p *worker, projection string) {
	m.t.Helper()
	eventually(m.t, soon, func(ctx context.Context) error {
		n, err := p.measured(ctx, "refold_projection_batches_total", projection)
		if err == nil && n == 0 {
			err = fmt.Errorf("%s has written nothing of %s\n%s", p.name, projection, p.process.Tail())
		}
		return err
	})
}

// killOne kills a projector at some moment, as a rule while it writes, and starts it again.
func (m *readModels) killOne() {
	m.t.Helper()
	if m.random.IntN(4) > 0 { // the one that was not killed last, as it writes while the other one starts
		m.killed = 1 - m.killed
	}
	p := m.projectors[m.killed]
	if m.random.IntN(4) > 0 { // else it may be starting, claiming or filling
		m.untilWrites(p, "")
	}
	kafka.Sleep(m.t.Context(), 100*time.Millisecond+time.Duration(m.random.IntN(800))*time.Millisecond)
	m.kill(p)
}

// kill kills a projector and starts it again.
func (m *readModels) kill(p *worker) {
	m.t.Helper()
	p.kill()
	m.expel(p.name)
	p.start()
}

// groups returns the consumer groups of the builds of projections whose names begin so.
func (m *readModels) groups(projection string) kadm.DescribedGroups {
	m.t.Helper()
	listed, err := m.admin.ListGroups(m.t.Context())
	m.must(err)
	var names []string
	for _, g := range listed.Groups() {
		if strings.HasPrefix(g, m.prefix+"projection-"+projection) {
			names = append(names, g)
		}
	}
	if len(names) == 0 {
		return nil
	}
	described, err := m.admin.DescribeGroups(m.t.Context(), names...)
	m.must(err)
	return described
}

// expel tells all groups that a process has gone, which they would find out by themselves after the session
// time-out: six seconds for each kill.
func (m *readModels) expel(process string) {
	m.t.Helper()
	for name, g := range m.groups("") {
		request := kmsg.NewPtrLeaveGroupRequest()
		request.Group = name
		for _, member := range g.Members {
			if member.ClientID == process {
				left := kmsg.NewLeaveGroupRequestMember()
				left.MemberID = member.MemberID
				request.Members = append(request.Members, left)
			}
		}
		if len(request.Members) > 0 {
			_, err := request.RequestWith(m.t.Context(), m.client)
			m.must(err)
		}
	}
}

// claim is a partition of a build.
type claim struct {
	group, topic string
	part         int32
}

// epochs returns how often each partition of the builds in Postgres was claimed.
func (m *readModels) epochs(ctx context.Context) (map[claim]int64, error) {
	database, err := sql.Open(rows.Postgres, m.url)
	if err != nil {
		return nil, err
	}
	defer database.Close() //nolint:errcheck // it has only read
	found, err := database.QueryContext(ctx,
		"SELECT projection || '-' || number, topic, part, epoch FROM refold_progress")
	if err != nil {
		return nil, err
	}
	defer found.Close() //nolint:errcheck // found.Err has it
	all := make(map[claim]int64)
	for found.Next() {
		var c claim
		var epoch int64
		if err := found.Scan(&c.group, &c.topic, &c.part, &epoch); err != nil {
			return nil, err
		}
		c.group = m.prefix + "projection-" + c.group
		all[c] = epoch
	}
	return all, found.Err()
}

// claimed returns the partitions that a process has of a projection.
func (m *readModels) claimed(p *worker, projection string) (all []claim) {
	m.t.Helper()
	for name, g := range m.groups(projection) {
		for _, member := range g.Members {
			has, is := member.Assigned.AsConsumer()
			if member.ClientID != p.name || !is {
				continue
			}
			for _, t := range has.Topics {
				for _, part := range t.Partitions {
					all = append(all, claim{name, t.Topic, part})
				}
			}
		}
	}
	return all
}

// overtaken lets the groups give all partitions of a process that stands still to others, and waits until
// they have claimed those of a projection in Postgres.
func (m *readModels) overtaken(p *worker, projection string) {
	m.t.Helper()
	had := m.claimed(p, projection)
	before, err := m.epochs(m.t.Context())
	m.must(err)
	m.expel(p.name)
	eventually(m.t, soon, func(ctx context.Context) error {
		now, err := m.epochs(ctx)
		for _, c := range had {
			if err == nil && now[c] <= before[c] {
				err = fmt.Errorf("nobody has claimed %v", c)
			}
		}
		return err
	})
}

// ofZombies is the projection whose partitions a zombie loses for certain.
const ofZombies = "account_statement"

// zombie holds a projector still until the other one has its partitions.
func (m *readModels) zombie() {
	m.t.Helper()
	p, other := m.one()
	m.untilWrites(p, ofZombies)
	m.untilWrites(other, "")
	p.process.Signal(syscall.SIGSTOP)
	m.overtaken(p, ofZombies)
	p.process.Signal(syscall.SIGCONT)
}

// refusals counts the writes of a projector that were refused since another one has its partitions.
func (m *readModels) refusals(p *worker) int {
	m.t.Helper()
	log, err := os.ReadFile(p.process.Log())
	m.must(err)
	return strings.Count(string(log), "another member has claimed the partition")
}

// triesOfZombies is how often a zombie gets the chance to write before it hears that it is none.
const triesOfZombies = 5

// zombieOfPostgres kills Postgres and holds a projector still that has a batch for it in its hands. When
// Postgres is back and the other one has its partitions, the zombie goes on, and its write is refused.
func (m *readModels) zombieOfPostgres() {
	m.t.Helper()
	for range triesOfZombies {
		p, other := m.one()
		m.untilWrites(p, ofZombies)
		m.untilWrites(other, "")
		faults := p.metric("refold_projection_faults_total", ofZombies)
		m.postgres.Kill()
		eventually(m.t, soon, func(ctx context.Context) error {
			n, err := p.measured(ctx, "refold_projection_faults_total", ofZombies)
			if err == nil && n == faults {
				err = errors.New("no batch is waiting for Postgres")
			}
			return err
		})
		p.process.Signal(syscall.SIGSTOP)
		m.must(m.postgres.Resume(m.t.Context()))
		m.overtaken(p, ofZombies)
		refused := m.refusals(p)
		p.process.Signal(syscall.SIGCONT)
		p.isReady()
		wrote := p.metric("refold_projection_batches_total", ofZombies)
		eventually(m.t, soon, func(ctx context.Context) error {
			n, err := p.measured(ctx, "refold_projection_batches_total", ofZombies)
			if err == nil && n == wrote && m.refusals(p) == refused {
				err = fmt.Errorf("the zombie %s does not write", p.name)
			}
			return err
		})
		if m.refusals(p) > refused {
			return
		}
	}
	m.t.Fatalf("of %d zombies, none has tried to write", triesOfZombies)
}

// killPostgres kills the server at some moment, and starts it again.
func (m *readModels) killPostgres() {
	m.t.Helper()
	m.postgres.Kill()
	m.must(m.postgres.Resume(m.t.Context()))
}

// lockSQLite kills a projector while another process has the one write lock of SQLite, which holds up no
// other store.
func (m *readModels) lockSQLite() {
	m.t.Helper()
	database, err := sql.Open(rows.SQLite, "file:"+m.sqlite+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	m.must(err)
	defer database.Close() //nolint:errcheck // it has written nothing
	tx, err := database.BeginTx(m.t.Context(), nil)
	m.must(err)
	defer tx.Rollback() //nolint:errcheck // it has written nothing
	p, _ := m.one()
	m.kill(p)
	m.untilWrites(p, "account_card")
}

func (m *readModels) killRedis() {
	m.t.Helper()
	m.redis.Kill()
	m.must(m.redis.Start(m.t.Context()))
}

// killSearch kills OpenSearch, which takes its time to come back: all else goes on.
func (m *readModels) killSearch() {
	m.search.Kill()
	m.starting.Go(func() error { return m.search.Start(context.Background()) })
}

// progress is how many events the live build of accounts in Postgres has taken.
func (m *readModels) progress() (n int64) {
	m.t.Helper()
	database, err := sql.Open(rows.Postgres, m.url)
	m.must(err)
	defer database.Close() //nolint:errcheck // it has only read
	m.must(database.QueryRowContext(m.t.Context(),
		"SELECT coalesce(sum(sequence), 0)::bigint FROM accounts_current").Scan(&n))
	return n
}

func (m *readModels) backUpPostgres() {
	m.t.Helper()
	m.must(m.postgres.Backup(m.t.Context()))
	m.backedUp = m.progress()
}

func (m *readModels) backUpRedis() {
	m.t.Helper()
	m.must(m.redis.Backup(m.t.Context()))
}

// leastOld is how many events of accounts the backup must lack.
const leastOld = 1_000

// failOverPostgres sets Postgres back to the backup, in which no rebuild has begun yet.
func (m *readModels) failOverPostgres() {
	m.t.Helper()
	eventually(m.t, soon, func(context.Context) error {
		if lacks := m.progress() - m.backedUp; lacks < leastOld {
			return fmt.Errorf("the backup lacks %d events; it must lack %d", lacks, leastOld)
		}
		return nil
	})
	m.must(m.watches[inPostgres].Restored(func() error { return m.postgres.FailOver(m.t.Context()) }))
	if number := m.live()[ofZombies]; number != 1 {
		m.t.Fatalf("build %d of %s is live; in the backup it is build 1", number, ofZombies)
	}
}

// failOverRedis sets Redis back to the backup, in which no rebuild has begun yet.
func (m *readModels) failOverRedis() {
	m.t.Helper()
	m.must(m.watches[inRedis].Restored(func() error { return m.redis.FailOver(m.t.Context()) }))
}
