// SPDX-License-Identifier: GPL-2.0
/* A module whose init sleeps: a load that is under way for a known time. A signal ends it with -EINTR. */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/sched.h>

static unsigned int seconds = 5;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long init sleeps (default 5)");

static int __init rw_hang_init(void)
{
	/* Not killable but interruptible: the hung task detector watches TASK_UNINTERRUPTIBLE only. */
	if (schedule_timeout_interruptible(msecs_to_jiffies(seconds * 1000)))
		return -EINTR;
	return 0;
}

static void __exit rw_hang_exit(void)
{
}

module_init(rw_hang_init);
module_exit(rw_hang_exit);

MODULE_DESCRIPTION("Ringward test module: init sleeps");
MODULE_AUTHOR("The Ringward project");
MODULE_LICENSE("GPL");
