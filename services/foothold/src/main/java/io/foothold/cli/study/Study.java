package io.foothold.cli.study;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.cli.process.AllInOne;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What is compared, and what a paper says of it. */
interface Study {
    /** Its name on the command line. */
    String name();

    /** Title of the report. */
    String title();

    /** What the task is, what it can show and what it cannot. */
    String text();

    /** The arms of the whole study, in the order of the report. */
    List<Arm> arms();

    /** Names of the arms of the quick version. */
    List<String> quick();

    /** Seeds of the whole study; the quick version has three. */
    int seeds();

    /** What they are compared by. */
    Yardstick yardstick();

    /** What the paper says, one line of the report each. */
    List<Claim> claims();

    /**
     * What is known of a base policy.
     *
     * @param text for people
     * @param cosine between its gradients on the compared set and on what an arm mixes in
     */
    record Base(String text, double cosine) {}

    /** What is known of the base policies and stands beside arms, by the name of the arm; measured when the report is written. */
    Map<String, Base> beside(List<Arm> arms, Path home);

    /**
     * Numbers of a finished run that its evaluations do not hold, by what they are.
     *
     * @param run directory of what it left
     * @param updates numbers of its updates, in order
     */
    default Map<String, Double> measured(Arm arm, Path run, List<JsonNode> updates) {
        return Map.of();
    }

    /**
     * Runs a job beside the services that the arms need.
     *
     * @param home directory of ledger, checkpoints and completions
     */
    void withServices(Path home, List<Arm> arms, AllInOne.Job job) throws Exception;
}
