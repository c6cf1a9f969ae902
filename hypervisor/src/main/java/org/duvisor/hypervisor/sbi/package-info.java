/** The Supervisor Binary Interface 3.0 as seen by the guest: one class for each extension. */
@NullMarked
package org.duvisor.hypervisor.sbi;

import org.jspecify.annotations.NullMarked;
