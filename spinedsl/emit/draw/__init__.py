"""Drawings of networks and models: SVG and PNG in the manner of the SpineNet paper; DOT and Mermaid.

    compilation ──▶ Diagram ──▶ Layout ──▶ SVG ──▶ PNG
                       └──▶ DOT, Mermaid, which other tools lay out

A Diagram says what is drawn, a Layout where; the writers decide nothing.
"""
