package io.foothold.augmentation.problems;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Asks for samples, one question a subject at a time, as far as credit reaches. The question loop that mining and prefix
 * search share. Not thread-safe: its stream serialises it.
 *
 * @param <S> what is asked about
 */
public final class ProbeLoop<S> {

    /** Decides about one subject. */
    public interface Subject<S> {
        /** The subject. */
        S id();

        /** The prefix to ask about, or empty when the subject is decided. */
        Optional<Integer> next();

        /** The outcome of the question. */
        void record(int prefix, int passes, int judged);
    }

    /** A question that may be sent. */
    public record Question<S>(long probeId, Subject<S> subject, int prefix) {}

    private final Deque<Subject<S>> ready = new ArrayDeque<>();
    private final Map<Long, Question<S>> asked = new HashMap<>();
    private long nextId = 1;
    private long credit;

    /** A loop over these subjects. */
    public ProbeLoop(List<? extends Subject<S>> subjects) {
        subjects.stream().filter(s -> s.next().isPresent()).forEach(ready::add);
    }

    /** More questions may be sent. */
    public void grant(int items) {
        credit += items;
    }

    /** The next question that may be sent. */
    public Optional<Question<S>> poll() {
        if (credit == 0 || ready.isEmpty()) {
            return Optional.empty();
        }
        credit--;
        Subject<S> subject = ready.remove();
        Question<S> question = new Question<>(nextId++, subject, subject.next().orElseThrow());
        asked.put(question.probeId(), question);
        return Optional.of(question);
    }

    /** An answer; gives the subject when it decides it. An answer to a question that was not asked is a duplicate: ignored. */
    public Optional<Subject<S>> answer(long probeId, int passes, int judged) {
        Question<S> question = asked.remove(probeId);
        if (question == null) {
            return Optional.empty();
        }
        question.subject().record(question.prefix(), passes, judged);
        if (question.subject().next().isPresent()) {
            ready.add(question.subject());
            return Optional.empty();
        }
        return Optional.of(question.subject());
    }

    /** Whether nothing is left to ask or to hear. */
    public boolean over() {
        return ready.isEmpty() && asked.isEmpty();
    }
}
