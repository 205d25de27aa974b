"""The longer a response, the less it is worth."""
import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            responses = pb_utils.get_input_tensor_by_name(request, "response").as_numpy()
            scores = np.array([[-len(text.decode())] for [text] in responses], np.float32)
            answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("score", scores)]))
        return answers
