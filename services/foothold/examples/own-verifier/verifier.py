"""A verifier of one's own: right is what ends with the gold answer, whatever case it is written in."""
import sys
from concurrent import futures

import grpc
from foothold.v1 import common_pb2, verifier_pb2, verifier_pb2_grpc


class Verifier(verifier_pb2_grpc.VerifierServiceServicer):
    def Verify(self, requests, context):
        granted, waiting = 0, []
        yield verifier_pb2.VerifyResponse(credit=common_pb2.Credit(items=256))
        for request in requests:
            if request.HasField("credit"):
                granted += request.credit.items
            else:
                waiting.append(self.judge(request.work))
            while granted and waiting:
                granted -= 1
                yield verifier_pb2.VerifyResponse(result=waiting.pop(0))
                yield verifier_pb2.VerifyResponse(credit=common_pb2.Credit(items=1))

    def judge(self, work):
        right = work.response.strip().lower().endswith(work.gold.strip().lower())
        kind = common_pb2.VERDICT_KIND_PASS if right else common_pb2.VERDICT_KIND_FAIL
        verdict = common_pb2.Verdict(kind=kind, score=float(right), rule="own verifier")
        return verifier_pb2.VerifyResult(rollout_id=work.rollout_id, verdict=verdict)


server = grpc.server(futures.ThreadPoolExecutor(8))
verifier_pb2_grpc.add_VerifierServiceServicer_to_server(Verifier(), server)
server.add_insecure_port(sys.argv[1])
server.start()
server.wait_for_termination()
