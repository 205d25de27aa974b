/** What a learner makes of a run, in the words of the orchestrator: manifests and the policies that they name. */
@NullMarked
package io.foothold.orchestrator.update;

import org.jspecify.annotations.NullMarked;
