package io.foothold.learner.grpc;

import io.foothold.contracts.flow.CreditedService;
import io.foothold.v1.TrainGroup;
import io.foothold.v1.TrainResponse;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** Groups of one update as they come in, with the places that wait for the outcome. Guarded by itself. */
final class Assembly {
    final TreeMap<Integer, TrainGroup> groups = new TreeMap<>();
    final Map<Integer, CreditedService.Results<TrainResponse>> waiting = new HashMap<>();
    private boolean taken;

    /** Gives false when it was taken to be answered: the group belongs to another one. */
    synchronized boolean add(TrainGroup group, CreditedService.Results<TrainResponse> results) {
        if (!taken) {
            groups.put(group.getIndex(), group);
            waiting.put(group.getIndex(), results);
        }
        return !taken;
    }

    /** Gives true to one caller, who has to answer it, once all of it is there or nobody has to wait for the rest. */
    synchronized boolean take(int whole, boolean atOnce) {
        boolean mine = !taken && (atOnce || groups.size() == whole);
        taken |= mine;
        return mine;
    }
}
