/**
 * The first programs of the guests: what runs as `/init`.
 *
 * @module
 */

/** Modules that the shell's guest loads, each after those it needs. */
export const MODULES: readonly string[] = [
  ...["failover", "net_failover", "virtio_mmio", "virtio_blk", "virtio_net", "virtio-rng"],
  ...["crc16", "mbcache", "jbd2", "ext4"],
  ...["libnvdimm", "nd_virtio", "virtio_pmem", "of_pmem", "dax_pmem", "kmem"],
];

/** Modules that are there and wait for a person to load them. */
const LATER = ["of_pmem"];

/** Says that it runs, and powers off. */
export const INIT_MIN = `#!/bin/busybox sh
echo INIT-SHELL-REACHED
/bin/busybox poweroff -f
`;

/**
 * Loads the modules and starts a shell; or runs the commands of \`run=\` on the kernel's command line,
 * where a comma stands for a space, and powers off.
 */
export const INIT_FULL = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/ PS1='\\w # '
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in ${MODULES.filter((name) => !LATER.includes(name)).join(" ")}; do
  insmod /lib/modules/$module.ko 2> /dev/null
done
echo "$(uname -sr) on $(nproc) harts"
echo INIT-SHELL-REACHED
commands=$(sed -n 's/.*\\brun=\\([^ ]*\\).*/\\1/p' /proc/cmdline | tr , ' ')
if [ -n "$commands" ]; then
  sh -c "$commands"
  echo "INIT-RUN-EXIT $?"
else
  setsid cttyhack sh
fi
poweroff -f
`;
