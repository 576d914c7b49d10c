/* What each cgroup does on each CPU, added up in the kernel at every context switch.
 *
 * At the sched_switch raw tracepoint the task that leaves the CPU is still the current one, so
 * helpers tell its cgroup and no kernel structure is read: the program compiles with the headers of
 * any kernel. All that a CPU did since its last switch is the leaving task's; the idle task's (pid
 * 0) is nobody's. The probe also runs the program on each CPU before it reads the maps, which
 * charges the task that is running there and begins anew: a task that never leaves its CPU is not
 * late.
 *
 * OVERHEAD: a clock, two map lookups and two helpers per context switch: 230 ns by the kernel's own
 * statistics in a virtual machine with slow returns (retbleed), 60 ns of these being the statistics
 * themselves; with COUNTERS three reads of the PMU more, 60 ns each there. A server that switches 100,000 times a
 * second spends 2 % of one core here.
 *
 * MAX_GROUPS  cgroups that can be told apart between two `forget`
 * MAX_CPUS    possible CPUs
 * COUNTERS    also count cycles, instructions and cache misses
 */
#include <uapi/linux/bpf.h>

#define LEVELS 8

struct work {
	u64 cpu_ns;
#ifdef COUNTERS
	u64 cycles;
	u64 instructions;
	u64 cache_misses;
#endif
};

/* Ids of a cgroup's ancestors by their depth, itself included; 0 below. */
struct lineage {
	u64 ids[LEVELS];
};

struct cpu {
	u64 since;	/* of the last switch, ns */
	u64 lost;	/* events that found no room in `works` */
#ifdef COUNTERS
	u64 cycles;
	u64 instructions;
	u64 cache_misses;
#endif
};

BPF_PERCPU_HASH(works, u64, struct work, MAX_GROUPS);
BPF_HASH(lineages, u64, struct lineage, MAX_GROUPS);
BPF_PERCPU_ARRAY(cpus, struct cpu, 1);
BPF_PERCPU_ARRAY(spilled, struct work, 1);	/* of cgroups that found no room */

#ifdef COUNTERS
BPF_PERF_ARRAY(cycles_events, MAX_CPUS);
BPF_PERF_ARRAY(instructions_events, MAX_CPUS);
BPF_PERF_ARRAY(cache_misses_events, MAX_CPUS);

/* Counts since the last time. A read fails (negative) on a CPU that came online later; no counter
 * reaches 2^63.
 */
static inline u64 advance(u64 *last, s64 now)
{
	u64 count = 0;

	if (now >= 0) {
		count = now - *last;
		*last = now;
	}
	return count;
}

static inline void count(struct cpu *cpu, struct work *done)
{
	done->cycles = advance(&cpu->cycles, cycles_events.perf_read(CUR_CPU_IDENTIFIER));
	done->instructions = advance(&cpu->instructions,
				     instructions_events.perf_read(CUR_CPU_IDENTIFIER));
	done->cache_misses = advance(&cpu->cache_misses,
				     cache_misses_events.perf_read(CUR_CPU_IDENTIFIER));
}
#endif

/* The row of a cgroup that is seen for the first time; NULL where there is no room. */
static inline struct work *admit(u64 group)
{
	struct work none = {};
	struct lineage lineage = {};

	works.insert(&group, &none);	/* fails where another CPU was faster: then it is there */
	struct work *work = works.lookup(&group);
	if (!work)
		return NULL;
#pragma unroll
	for (int level = 0; level < LEVELS; level++)
		lineage.ids[level] = bpf_get_current_ancestor_cgroup_id(level + 1);
	lineages.update(&group, &lineage);
	return work;
}

int on_switch(struct bpf_raw_tracepoint_args *ctx)
{
	int first = 0;
	struct work done = {};
	u64 now = bpf_ktime_get_ns();
	struct cpu *cpu = cpus.lookup(&first);

	if (!cpu)
		return 0;
	u64 since = cpu->since;
	cpu->since = now;
	done.cpu_ns = now - since;
#ifdef COUNTERS
	count(cpu, &done);
#endif
	if (!since || !(u32)bpf_get_current_pid_tgid())
		return 0;

	u64 group = bpf_get_current_cgroup_id();
	struct work *work = works.lookup(&group);
	if (!work)
		work = admit(group);
	if (!work) {
		cpu->lost++;
		work = spilled.lookup(&first);
		if (!work)
			return 0;
	}
	work->cpu_ns += done.cpu_ns;
#ifdef COUNTERS
	work->cycles += done.cycles;
	work->instructions += done.instructions;
	work->cache_misses += done.cache_misses;
#endif
	return 0;
}
