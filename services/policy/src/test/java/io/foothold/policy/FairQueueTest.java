package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class FairQueueTest {
    private record Item(int key, int number) {}

    /** The same by a list and its plainest rules. */
    private static final class Twin {
        private final List<List<Item>> behind = new ArrayList<>();
        private List<Item> leaving = new ArrayList<>();

        void add(Item item) {
            for (List<Item> items : behind) {
                if (items.get(0).key() == item.key()) {
                    items.add(item);
                    return;
                }
            }
            behind.add(new ArrayList<>(List.of(item)));
        }

        Item poll() {
            if (leaving.isEmpty()) {
                if (behind.isEmpty()) {
                    return null;
                }
                leaving = behind.remove(0);
            }
            return leaving.remove(0);
        }

        Item remove(int number) {
            List<List<Item>> all = new ArrayList<>(behind);
            all.add(0, leaving);
            for (List<Item> items : all) {
                for (Item item : items) {
                    if (item.number() == number) {
                        items.remove(item);
                        behind.removeIf(List::isEmpty);
                        return item;
                    }
                }
            }
            return null;
        }
    }

    @Test
    void givesWhatThePlainTwinGives() {
        for (long seed = 0; seed < 200; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            FairQueue<Integer, Item> queue = new FairQueue<>();
            Twin twin = new Twin();
            int size = 0;
            for (int number = 0; number < 300; number++) {
                switch (random.nextInt(5)) {
                    case 0, 1 -> {
                        Item item = new Item(random.nextInt(6), number);
                        queue.add(item.key(), item);
                        twin.add(item);
                        size++;
                    }
                    case 2, 3 -> {
                        Item expected = twin.poll();
                        assertThat(queue.poll()).as("seed %d", seed).isEqualTo(expected);
                        size -= expected == null ? 0 : 1;
                    }
                    default -> {
                        int gone = random.nextInt(number + 1);
                        Item expected = twin.remove(gone);
                        assertThat(queue.remove(i -> i.number() == gone))
                                .as("seed %d", seed)
                                .isEqualTo(expected);
                        size -= expected == null ? 0 : 1;
                    }
                }
                assertThat(queue.size()).as("seed %d", seed).isEqualTo(size);
                assertThat(queue.isEmpty()).isEqualTo(size == 0);
            }
        }
    }

    /** One key comes again before every turn; what another key holds still leaves. */
    @Test
    void aKeyThatNeverEndsHoldsNobodyBack() {
        FairQueue<String, String> queue = new FairQueue<>();
        queue.add("busy", "busy");
        queue.add("other", "other");
        List<String> left = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            left.add(queue.poll());
            queue.add("busy", "busy");
        }
        assertThat(left).containsExactly("busy", "other", "busy", "busy");
    }
}
