"""Numbers of test items of the 27 tasks of BIG-Bench Hard, as Chung et al. 2022 list them.

Every score of the two studies that use them is a whole count of these, else their readers refuse
it (``flan_chung2022``, ``openllm_sloth2024``).
"""

FEWER_ITEMS = {"snarks": 178, "penguins_in_a_table": 146, "causal_judgement": 187}
ITEMS = {
    **dict.fromkeys(
        (
            "boolean_expressions", "date_understanding", "disambiguation_qa", "dyck_languages",
            "formal_fallacies", "geometric_shapes", "hyperbaton",
            "logical_deduction_five_objects", "logical_deduction_seven_objects",
            "logical_deduction_three_objects", "movie_recommendation", "multistep_arithmetic",
            "navigate", "object_counting", "reasoning_about_colored_objects", "ruin_names",
            "salient_translation_error_detection", "sports_understanding", "temporal_sequences",
            "tracking_shuffled_objects_five_objects", "tracking_shuffled_objects_seven_objects",
            "tracking_shuffled_objects_three_objects", "web_of_lies", "word_sorting",
        ),
        250,
    ),
    **FEWER_ITEMS,
}  # fmt: skip
