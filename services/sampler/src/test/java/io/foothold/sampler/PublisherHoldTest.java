package io.foothold.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.sampler.triton.PublisherHold;
import io.foothold.sampler.triton.PublisherHold.Publisher;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class PublisherHoldTest {
    private static final Publisher MINE = new Publisher("mine", 1, "a");
    private static final Publisher STRANGER = new Publisher("theirs", 0, "b");

    private Instant now = Instant.EPOCH;
    private final PublisherHold hold = new PublisherHold(Duration.ofMinutes(2), () -> now);

    private boolean publish(Publisher publisher) {
        boolean held = hold.publishing(publisher);
        hold.published();
        return held;
    }

    private void refused(Publisher publisher, String text) {
        assertThatThrownBy(() -> hold.publishing(publisher))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT))
                .hasMessageContaining(text);
    }

    @Test
    void aStrangerIsRefusedAndToldWhoPublishesUntilTheHolderLetsGo() {
        assertThat(publish(MINE)).isFalse();
        assertThat(publish(MINE)).as("the same again").isTrue();
        refused(STRANGER, "run mine publishes");
        hold.release(STRANGER);
        refused(STRANGER, "run mine publishes");
        hold.release(MINE);
        assertThat(publish(STRANGER)).isFalse();
        refused(MINE, "run theirs publishes");
    }

    @Test
    void aLaterIncarnationOfTheRunTakesOverAndTheOneBeforeItDoesNotComeBack() {
        publish(MINE);
        Publisher resumed = new Publisher("mine", 2, "c");
        publish(resumed);
        refused(MINE, "from another process (incarnation 2, this is 1)");
        refused(new Publisher("mine", 2, "d"), "from another process");
        hold.release(MINE);
        assertThat(publish(resumed)).isTrue();
    }

    @Test
    void aHolderThatSaysNothingLosesTheServersAfterItsLeaseButNotInAPublication() {
        publish(MINE);
        now = now.plus(Duration.ofMinutes(2));
        refused(STRANGER, "120 s");
        publish(MINE);
        now = now.plus(Duration.ofMinutes(2));
        refused(STRANGER, "run mine");
        hold.publishing(MINE);
        now = now.plus(Duration.ofHours(1));
        refused(STRANGER, "run mine");
        hold.published();
        refused(STRANGER, "run mine");
        now = now.plus(Duration.ofSeconds(121));
        publish(STRANGER);
        refused(MINE, "run theirs");
    }

    @Test
    void whoDoesNotSayWhoItIsIsRefused() {
        assertThatThrownBy(() -> new Publisher("", 0, "t")).hasMessageContaining("run_id");
        assertThatThrownBy(() -> new Publisher("r", 0, "")).hasMessageContaining("no token");
        assertThatThrownBy(() -> new Publisher("r", -1, "t")).hasMessageContaining("-1");
    }
}
