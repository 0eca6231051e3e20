// SPDX-License-Identifier: GPL-2.0
/* A module whose init fails with the error that its parameter names (0: it does not fail). */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/module.h>

static unsigned int error = ENODEV;
module_param(error, uint, 0444);
MODULE_PARM_DESC(error, "positive errno that init fails with (default ENODEV, 19)");

static int __init rw_fail_init(void)
{
	if (error > MAX_ERRNO)
		return -EINVAL;
	return -(int)error;
}

static void __exit rw_fail_exit(void)
{
}

module_init(rw_fail_init);
module_exit(rw_fail_exit);

MODULE_DESCRIPTION("Ringward test module: init fails");
MODULE_AUTHOR("The Ringward project");
MODULE_LICENSE("GPL");
