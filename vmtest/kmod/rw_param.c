// SPDX-License-Identifier: GPL-2.0
/* A module with a string parameter, a version and a srcversion; it does nothing. */
#include <linux/module.h>

static char *text = "";
module_param(text, charp, 0444);
MODULE_PARM_DESC(text, "any text; read it back in /sys/module/rw_param/parameters/text");

static int __init rw_param_init(void)
{
	return 0;
}

static void __exit rw_param_exit(void)
{
}

module_init(rw_param_init);
module_exit(rw_param_exit);

MODULE_DESCRIPTION("Ringward test module: a string parameter and a version");
MODULE_AUTHOR("The Ringward project");
MODULE_VERSION("1.2.3");
MODULE_LICENSE("GPL");
