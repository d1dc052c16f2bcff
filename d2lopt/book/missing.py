"""What `d2l.something` says where d2lopt has no such name.

The book's packages carry the names of every chapter. For those of the others, the error
says which chapter that is; for an older name of this one, what it is called here.
"""

from __future__ import annotations

from difflib import get_close_matches
from types import ModuleType
from typing import Any

from . import images, plot

# Older names, or names in other editions → what does it here.
NOW = {
    "get_data_ch9": "get_data_ch11",
    "get_data_ch10": "get_data_ch11",
    "train_ch9": "train_ch11",
    "train_ch10": "train_ch11",
    "train_concise_ch9": "train_concise_ch11",
    "train_concise_ch10": "train_concise_ch11",
    "train_gluon_ch7": "train_concise_ch11",
    "train_gluon_ch9": "train_concise_ch11",
    "train_gluon_ch10": "train_concise_ch11",
    "train_gluon_ch11": "train_concise_ch11",
    "train_tensorflow_ch7": "train_concise_ch11",
    "sgd_momentum": "momentum",
    "semilogy": 'plot(…, yscale="log")',
    "show_trace": "plot",
    "data_iter": "load_array",
    "download_extract": "download",
    "download_all": "download",
    "zeros_like_params": "zeros_like",
    "try_all_gpus": "try_gpu",
    "gpu": "try_gpu",
    "cpu": "try_gpu",
    "Benchmark": "Timer",
}

# Parts of the book that are not this chapter → names that they bring.
ELSEWHERE = {
    "linear networks and the classes of edition 1.0": """
        synthetic_data evaluate_accuracy train_epoch_ch3 train_ch3 predict_ch3
        Updater get_fashion_mnist_labels show_images show_fashion_mnist HyperParameters
        add_to_class ProgressBoard Module DataModule Trainer SyntheticRegressionData
        LinearRegressionScratch LinearRegression SGD FashionMNIST Classifier
        SoftmaxRegression nn_Module""",
    "convolutional networks, with Fashion-MNIST": """
        train_ch5 corr2d LeNet Residual ResNeXtBlock resnet18 FlattenLayer
        GlobalAvgPool2d""",
    "recurrent networks": """
        read_time_machine tokenize Vocab count_corpus load_corpus_time_machine
        seq_data_iter_random seq_data_iter_sequential SeqDataLoader
        load_data_time_machine load_data_jay_lyrics RNNModelScratch predict_ch8
        grad_clipping train_epoch_ch8 train_ch8 RNNModel TimeMachine RNNScratch
        RNNLMScratch RNN RNNLM GRU LSTM check_len check_shape to_onehot
        train_and_predict_rnn read_data_nmt preprocess_nmt tokenize_nmt truncate_pad
        build_array_nmt load_data_nmt MTFraEng Encoder Decoder EncoderDecoder
        Seq2SeqEncoder Seq2Seq init_seq2seq MaskedSoftmaxCELoss sequence_mask
        train_seq2seq predict_seq2seq bleu show_list_len_pair_hist""",
    "attention and transformers": """
        show_heatmaps masked_softmax AdditiveAttention DotProductAttention
        AttentionDecoder MultiHeadAttention transpose_qkv transpose_output
        PositionalEncoding PositionWiseFFN AddNorm EncoderBlock TransformerEncoder
        TransformerEncoderBlock""",
    "computational performance": "split_batch evaluate_accuracy_gpus num_gpus",
    "computer vision": """
        train_batch_ch13 train_ch13 box_corner_to_center box_center_to_corner
        bbox_to_rect multibox_prior show_bboxes box_iou assign_anchor_to_bbox
        offset_boxes multibox_target offset_inverse nms multibox_detection
        read_data_bananas BananasDataset load_data_bananas read_voc_images VOC_COLORMAP
        VOC_CLASSES voc_colormap2label voc_label_indices voc_rand_crop VOCSegDataset
        load_data_voc read_csv_labels copyfile reorg_train_valid reorg_test""",
    "natural language processing": """
        read_ptb subsample get_centers_and_contexts RandomGenerator get_negatives
        batchify load_data_ptb TokenEmbedding get_tokens_and_segments BERTEncoder MaskLM
        NextSentencePred BERTModel load_data_wiki read_imdb load_data_imdb
        predict_sentiment read_snli SNLIDataset load_data_snli predict_snli
        split_batch_multi_inputs""",
    "recommender systems": """
        read_data_ml100k split_data_ml100k load_data_ml100k split_and_load_ml100k
        train_recsys_rating BPRLoss HingeLossbRec hit_and_auc evaluate_ranking
        train_ranking CTRDataset""",
    "generative adversarial networks": "update_D update_G",
    "Gaussian processes": "rbfkernel",
    "hyperparameter optimization": """
        HPOTrainer HPOSearcher RandomSearcher HPOScheduler BasicScheduler HPOTuner
        hpo_objective_lenet SuccessiveHalvingScheduler""",
    "reinforcement learning": """
        frozen_lake make_env show_value_function_progress show_Q_function_progress""",
}
PART = {name: part for part, names in ELSEWHERE.items() for name in names.split()}


def lookup(module: ModuleType, name: str) -> Any:
    """The module's `__getattr__`: what is made on demand, or an error that helps."""
    if name == "plt":  # matplotlib takes a while to import
        return plot.studio.share()
    if name in images.NAMES:
        return images.bring(module, name)
    message = f"d2lopt has no d2l.{name}"
    if name in NOW:
        raise AttributeError(f"{message}: use d2l.{NOW[name]}.")
    if name in PART:
        raise AttributeError(
            f"{message}: in the book it belongs to {PART[name]}, and d2lopt carries "
            "the chapter on optimization."
        )
    public = {n.lower(): n for n in vars(module) if not n.startswith("_")}
    near = get_close_matches(name.lower(), public, n=1, cutoff=0.75)
    hint = f" Did you mean d2l.{public[near[0]]}?" if near else ""
    raise AttributeError(f"{message}.{hint}", name=name, obj=module)
