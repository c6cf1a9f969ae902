/**
 * Emulated vulnerabilities of a hypervisor, for tests: DuVisor as users have it, on a platform that
 * commits the error of a CVE when its guest gives the cue. Runs on the host of the full stack,
 * where this package comes before the platform on the class path. Nothing of it is in the
 * hypervisor.
 */
@NullMarked
package org.duvisor.conformance.cve;

import org.jspecify.annotations.NullMarked;
